"""Settings of the historian."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, Group
from andon.settings import Settings
from andon.units import Duration
from andon.uns import Stage


class RetentionSettings(Group):
    """How long the database keeps what, by event time. What is not set is kept for ever."""

    raw: Duration | None = Field(default=None, gt=0)
    """Raw frames; the lake keeps them all the same."""
    context: Duration | None = Field(default=None, gt=0)
    """Context frames."""
    feature: Duration | None = Field(default=None, gt=0)
    """Feature vectors."""
    inference: Duration | None = Field(default=None, gt=0)
    """Verdicts of models."""
    alert: Duration | None = Field(default=None, gt=0)
    """Alerts."""
    drift: Duration | None = Field(default=None, gt=0)
    """Reports of drift."""
    kpi: Duration | None = Field(default=None, gt=0)
    """Key performance indicators."""
    feedback: Duration | None = Field(default=None, gt=0)
    """People's verdicts."""

    def of(self, stage: Stage) -> int | None:
        """Return how long a stage is kept, microseconds; None is for ever."""
        kept: int | None = getattr(self, stage.value)
        return kept


class LakeSettings(Group):
    """Raw frames as Parquet files."""

    directory: FilePath = Path("lake")
    """Where they lie. Must survive a restart of the container; workers may share it."""
    grace: Duration = Field(default=300_000_000, ge=0)
    """How long after its end (event time) an hour's file is written; what comes later is merged into it."""
    idle: Duration = Field(default=60_000_000, gt=0)
    """An hour that nothing was added to for this long is written, too."""


class HistorianSettings(Group):
    """How the history is written."""

    flush_records: int = Field(default=20_000, ge=1, le=1_000_000)
    """Most records of a stage that are written at once; as many again are read meanwhile."""
    flush_bytes: int = Field(default=67_108_864, ge=1_048_576)
    """Most bytes of records (JSON) that are written at once, for stages with waveforms."""
    flush_interval: Duration = Field(default=1_000_000, gt=0)
    """Longest time that a record waits for others to be written with."""
    retry: Duration = Field(default=1_000_000, gt=0)
    """Pause between two attempts while the database is away or the lake's disk is full."""
    future_tolerance: Duration = Field(default=300_000_000, ge=0)
    """An event whose time is further ahead of the clock goes to the dead letters."""
    prune_interval: Duration = Field(default=3_600_000_000, gt=0)
    """How often what is older than its retention is dropped."""
    retention: RetentionSettings = RetentionSettings()
    lake: LakeSettings = LakeSettings()


class ServiceSettings(Settings):
    """Settings of the historian and those that all services share."""

    historian: HistorianSettings = HistorianSettings()
