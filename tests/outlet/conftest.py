"""A broker of one's own, which tests may pause, behind a cable that they may pull."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.broker import EmbeddedBroker, free_port
from tests.outlet.cable import Cable
from tests.outlet.plant import Frames, pumps
from tests.outlet.rig import Rig


@pytest.fixture(scope="package")
def wired_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker that sends its clients to the cable."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("wired") / "broker.log", advertised_port=free_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def rig(wired_broker: EmbeddedBroker, site: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """Everything that a test needs; the cable is not plugged in yet."""
    cable, plant = Cable(wired_broker.advertised_port, wired_broker.port), pumps(site)
    yield Rig(wired_broker, cable, plant, Frames(plant), tmp_path)
    await cable.pull()
