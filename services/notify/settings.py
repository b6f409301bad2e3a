"""Settings of the notify service."""

from __future__ import annotations

from pathlib import Path

from andon.connection import FilePath, Group
from andon.settings import Settings


class NotifySettings(Group):
    """Where the sinks are described; which alerts go to which of them stands in the plant model's `routes`."""

    sinks: FilePath = Path("sinks.yaml")
    """The file that names webhooks, MQTT brokers and other sinks of alerts."""
    history: bool = False
    """Whether alerts of history (origin backfill) are told, too."""


class ServiceSettings(Settings):
    """Settings of the notify service, such as ``ANDON_NOTIFY__SINKS=sinks.yaml``."""

    notify: NotifySettings = NotifySettings()
