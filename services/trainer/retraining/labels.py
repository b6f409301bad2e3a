"""When machines were truly abnormal, by what people said of alerts; that is not to be learned from. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from andon.contracts import Alert, AlertState, Feedback, Verdict
from andon.plant import Plant

_SCHEMA = {"asset": pl.String, "start": pl.Int64, "end": pl.Int64}


def abnormal_intervals(plant: Plant, alerts: Iterable[Alert], said: Iterable[Feedback], now: int) -> pl.DataFrame:
    """Return the time of alerts that somebody called real; of each author the newest verdict counts.

    An alert that nobody judged is no reason: what has drifted raises alerts, and is what shall be learned.

    Args:
        plant: gives the length of the windows that led to alerts.
        alerts: all changes of alerts, in any order.
        said: what people said of them, in any order.
        now: where the time of an alert that is not over ends, microseconds UTC.

    Returns:
        asset, start and end (exclusive), microseconds UTC.
    """
    real = _real(said)
    spans: dict[str, tuple[str, int, int]] = {}
    for change in alerts:
        if change.alert in real:
            _, start, end = spans.get(change.alert, (change.asset, change.since, now))
            over = change.time if change.state is AlertState.RESOLVED else end
            spans[change.alert] = change.asset, min(start, change.since), min(end, over)
    rows = [(asset, start - _window(plant, asset), end) for asset, start, end in spans.values()]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("asset", "start", "end")


def _real(said: Iterable[Feedback]) -> set[str]:
    newest: dict[tuple[str, str], Feedback] = {}
    for each in said:
        key = each.alert, each.author
        known = newest.get(key)
        if each.verdict is not None and (known is None or (each.time, each.revision) > (known.time, known.revision)):
            newest[key] = each
    return {alert for (alert, _), each in newest.items() if each.verdict is Verdict.REAL}


def _window(plant: Plant, asset: str) -> int:
    asset_class = plant.classes.get(plant.class_of(asset) or "")
    return asset_class.features.window if asset_class else 0
