"""What the tests of the context stage share: small plants, raw frames as the runtime decodes them, marks as a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from andon.contracts import Frame
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Processor, Result
from services.context.processor import context_stage
from services.context.settings import ContextSettings

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
NOW = T0 + 3_600 * SECOND
PUMP = "water/line-1/pump-1"

#: One letter for each mark, `.` for a good sample.
_LETTERS = {
    None: ".",
    "missing": "m",
    "bad": "b",
    "uncertain": "u",
    "out_of_range": "o",
    "impossible_rate": "r",
    "stuck": "s",
    "spike": "p",
    "inconsistent": "i",
}


def plant(
    tags: Mapping[str, Any],
    *,
    assets: Sequence[str] = (PUMP,),
    scan: str = "1s",
    consistency: Sequence[Mapping[str, Any]] = (),
) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": "north",
            "classes": {"pump": {"scan": scan, "tags": tags, "consistency": consistency}},
            "assets": {path: {"class": "pump"} for path in assets},
        }
    )


def raw(model: Plant, frames: Iterable[Mapping[str, Any]], asset_class: str = "pump") -> pl.DataFrame:
    """Return raw frames as rows; what a frame leaves out is as usual, and offsets count from 0."""
    schema = event_schema(Frame, model.classes[asset_class], without=("id",))
    rows = []
    for offset, frame in enumerate(frames):
        usual = {"asset": PUMP, "time": T0 + offset * SECOND, "session": "s", "sequence": offset, "offset": offset}
        row = {**usual, **frame}
        rows.append({"ingest_time": row["time"], "traceparent": None, **row})
    return pl.DataFrame(rows, schema={**schema, "offset": pl.Int64, "traceparent": pl.String})


def processor(model: Plant, delivered: int = 0, *, half_life: str = "1min") -> Processor:
    return context_stage(model, ContextSettings.model_validate({"quality_half_life": half_life})).open({}, delivered)


def emitted(result: Result) -> pl.DataFrame:
    return pl.concat([emit.rows for emit in result.emits]) if result.emits else pl.DataFrame()


def line(rows: pl.DataFrame, tag: str = "x") -> str:
    """Draw a tag's marks, one letter a frame."""
    marks = [(quality or {}).get(tag) for quality in rows["quality"].to_list()]
    return "".join(_LETTERS[mark] for mark in marks)
