"""Names of lanes and of alerts. A lane is what has one alert at a time: an asset, or an asset in history."""

from __future__ import annotations

from andon.contracts import Origin
from andon.uns import Stage

#: Behind an asset's path, the name of its life in history; behind an alert's name, the sign that it is of history.
HISTORY = "@backfill"


def alert_name(asset: str, opened: int, origin: Origin) -> str:
    """Return the name of an alert through its life.

    What history shows has names of its own: it neither opens nor ends what people are looking at.
    """
    return f"{asset}@{opened}:{Stage.ALERT}{HISTORY if origin is Origin.BACKFILL else ''}"


def lane_of(alert: str) -> str:
    """Return the lane of the alert called so."""
    asset = alert.partition("@")[0]
    return asset + HISTORY if alert.endswith(HISTORY) else asset
