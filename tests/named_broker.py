"""The broker that the environment names, for tests that are to run on it instead of an embedded one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from andon.settings import KafkaSettings, Settings, read_settings


def named_broker(usual: Mapping[str, object]) -> KafkaSettings | None:
    """Return all that ANDON_KAFKA__* says, and what is *usual* where it says nothing; None if it names no broker."""
    if "ANDON_KAFKA__BOOTSTRAP_SERVERS" not in os.environ:
        return None
    return KafkaSettings.model_validate({**usual, **read_settings(Settings).kafka.model_dump(exclude_unset=True)})
