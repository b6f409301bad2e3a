"""Settings of the ingest service."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from andon.connection import FilePath
from andon.units import Duration
from services.ingest.framing.times import Future
from services.ingest.outlet.settings import SpoolSettings


class IngestSettings(BaseModel):
    """Which sources to read, and how to treat what they say."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sources: FilePath = Path("sources.yaml")
    """The file that names the machines, brokers and recordings to read."""
    linger: Duration = 0
    """How long to stay after the last frame when all sources are recordings, so that figures can still be scraped."""
    session: str = Field(default="ingest", min_length=1)
    """Begins the sessions' names; the moment of the start and the asset follow."""
    future: Future = Future.REFUSE
    """What becomes of a value whose source time is ahead of our clock by more than `future_tolerance`: refuse (dead
    letter), arrival (it counts as measured on arrival) or keep."""
    future_tolerance: Duration = 60_000_000
    """How far ahead of our clock a source may be."""
    hold: Duration | None = None
    """Longest wait for the rest of a frame; the asset class's scan interval when not set."""
    spool: SpoolSettings = SpoolSettings()
    """What becomes of frames while Kafka is away."""
