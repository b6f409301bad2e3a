"""Settings of the alert service."""

from __future__ import annotations

from pydantic import Field

from andon.connection import Group, Secret
from andon.listener import ListenerSettings
from andon.settings import Settings
from andon.units import Duration


class ApiSettings(ListenerSettings):
    """Where people's systems say something about alerts over HTTP."""

    token: Secret | None = None
    """What a client must send as bearer token; without one everything is refused."""


class AlertRules(Group):
    """What holds for the alerts of all classes; the rest is in the plant model (`andon.plant.model.ModelSpec`)."""

    blind_after: Duration = 600_000_000
    """An asset without a verdict for longer than this (event time) cannot be judged: its open alert is closed
    unconfirmed, and says so. Two windows of the class, where those take longer."""
    shelf_limit: Duration = Field(default=86_400_000_000, gt=0)
    """Longest time that a person can shelve an asset for."""
    api: ApiSettings = ApiSettings()


class AlertSettings(Settings):
    """Settings of the alert service, such as ``ANDON_ALERT__BLIND_AFTER=10min``."""

    alert: AlertRules = AlertRules()
