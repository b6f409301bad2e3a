"""An MES, a plant and a folder for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from andon.settings import DatabaseSettings, KafkaSettings
from tests.mes.plant import plant
from tests.mes.rig import Rig, mes_database


@pytest.fixture
async def rig(
    kafka: KafkaSettings, database: DatabaseSettings, postgres: str, site: str, tmp_path: Path
) -> AsyncIterator[Rig]:
    """Everything that a test needs."""
    async with mes_database(postgres) as mes:
        yield Rig(kafka, database, plant(site), mes, tmp_path)
