"""Settings of the trainer as a service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, Group, Secret
from andon.registry.settings import ModelSettings
from andon.settings import Settings
from andon.units import Duration


class TrainerSettings(Group):
    """How models are trained when drift, the schedule or a person asks for one."""

    lake: FilePath = Path("lake")
    """Directory of the historian's lake: the raw frames to learn from."""
    work: FilePath = Path("retraining")
    """Folder for what a training needs and makes; what lies there after a crash is taken up again."""
    key: FilePath | None = None
    """Private key (PEM) by which the trainer signs its models as their author; it must be in the trust files."""
    key_password: Secret | None = None
    """Its password, when it is encrypted."""
    certificate: FilePath | None = None
    """Its certificate (PEM), followed by those between it and the root, where trust rests on certificates."""
    shadow: bool = False
    """Whether a candidate scores beside production at once, without acting (alias `shadow`)."""
    settling: Duration = Field(default=600_000_000, ge=0)
    """After the begin of a process drift, this long is no new normal yet and is not learned from; and after a report,
    nothing is trained for this long, as its cause may turn out to be another."""
    history: Duration = Field(default=1_209_600_000_000, gt=0)
    """How far back data is taken when no process drift says since when things are as they are."""
    windows: int = Field(default=1_000, ge=50)
    """Windows of normal operation that there must be; a request waits until there are."""
    look_every: Duration = Field(default=600_000_000, gt=0)
    """How often a request that waits looks for more data."""
    patience: Duration = Field(default=1_209_600_000_000, gt=0)
    """A request that has waited for data for this long is refused."""
    limit: Duration = Field(default=21_600_000_000, gt=0)
    """A training that takes longer is ended, and has failed."""
    niceness: int = Field(default=10, ge=0, le=19)
    """By how much a training stands back behind everything else on its machine."""
    threads: int = Field(default=1, ge=1)
    """Processors that a training may use."""


class ServiceSettings(Settings):
    """Settings of the trainer as a service, such as ``ANDON_TRAINER__LAKE=/lake``."""

    trainer: TrainerSettings = TrainerSettings()
    models: ModelSettings = ModelSettings()
