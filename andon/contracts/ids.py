"""Deterministic event ids.

An id is readable on purpose: ``<asset>@<time>:<stage>:<version>``. It can be made for a whole batch
by joining columns (no hash per row), sorts by asset and time, and tells a person at 3 a.m. what it names.
"""

from __future__ import annotations

import polars as pl

from andon.uns import Stage


def event_id(asset: str, time: int, stage: Stage, version: str) -> str:
    """Return the id of the event about *asset* at *time* (microseconds UTC).

    Args:
        asset: ISA-95 path below the site.
        time: event time, microseconds UTC.
        stage: the stage that emits the event.
        version: version of the definition that made it: contract version for raw and context, feature
            definition hash for feature vectors, model version for inferences, use case for alerts.
    """
    return f"{asset}@{time}:{stage}:{version}"


def event_ids(stage: Stage, version: str, *, asset: str = "asset", time: str = "time") -> pl.Expr:
    """Return the expression that makes `event_id` for every row, from columns *asset* and *time*."""
    return pl.concat_str(pl.col(asset), pl.lit("@"), pl.col(time), pl.lit(f":{stage}:{version}")).alias("id")
