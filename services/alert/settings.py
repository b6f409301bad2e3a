"""Settings of the alert service."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from andon.settings import Settings
from andon.units import Duration


class AlertRules(BaseModel):
    """What holds for the alerts of all classes; the rest is in the plant model (`andon.plant.model.ModelSpec`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    blind_after: Duration = 600_000_000
    """An asset without a verdict for longer than this (event time) cannot be judged: its open alert is closed
    unconfirmed, and says so. Two windows of the class, where those take longer."""
    shelf_limit: Duration = 86_400_000_000
    """Longest time that a person can shelve an asset for."""


class AlertSettings(Settings):
    """Settings of the alert service, such as ``ANDON_ALERT__BLIND_AFTER=10min``."""

    alert: AlertRules = AlertRules()
