"""Settings of the MES service."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from andon.connection import FilePath
from andon.settings import Settings


class MesSettings(BaseModel):
    """What to read; how often and where from stands in the mapping file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    file: FilePath = Path("mes.yaml")
    """The mapping file, which names systems, tables and columns."""
    batch: int = Field(default=500, ge=1, le=10_000)
    """Rows that are read, sent and noted at once; a restart repeats at most so many events of a table."""


class ServiceSettings(Settings):
    """Settings of the MES service, such as ``ANDON_MES__FILE=mes.yaml``."""

    mes: MesSettings = MesSettings()
