"""Settings of the drift service."""

from __future__ import annotations

from pydantic import Field

from andon.registry.settings import ModelSettings
from andon.serving.settings import ServingSettings
from andon.settings import Settings
from andon.units import Duration


class WatchSettings(ServingSettings):
    """Where the models are, and how machines are watched; how rarely drift may be reported says the plant model."""

    settle: int = Field(default=20, ge=1)
    """Windows that a change must last before it is called drift and its cause is told; until then it is a warning."""
    precision: float = Field(default=0.5, gt=0, lt=1)
    """Least share of a model's alerts that people should find real; clearly fewer of a machine are model decay."""
    snapshot_every: Duration = Field(default=300_000_000, gt=0)
    """How often what is known of a machine is written down. A restart reads again what has come since."""


class DriftSettings(Settings):
    """Settings of the drift service, such as ``ANDON_DRIFT__SETTLE=50``."""

    drift: WatchSettings = WatchSettings()
    models: ModelSettings = ModelSettings()
