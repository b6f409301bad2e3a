"""The data that the benches run on: one class of machines, with eight tags by default, and frames of theirs."""

from __future__ import annotations

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.contracts import Frame
from andon.contracts.ids import event_ids
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream.stage import LINEAGE_COLUMNS, OFFSET, TRACEPARENT
from andon.uns import Stage
from services.context.processor import context_stage
from services.context.settings import ContextSettings

CLASS = "machine"


def tag_names(count: int) -> tuple[str, ...]:
    """Return the names of a machine's tags."""
    return tuple(f"s{number}" for number in range(count))


TAGS = tag_names(8)
MACHINES = 32
#: Frames per asset and second of event time.
RATE_HZ = 20
T0 = 1_700_000_000 * SECOND
_NORMAL, _SPREAD = 50.0, 2.0


def plant_document(
    *, machines: int = MACHINES, tags: int = len(TAGS), scan: int = SECOND // RATE_HZ, **features: object
) -> dict[str, object]:
    """Return the plant model of a site with machines of one class.

    Args:
        machines: how many.
        tags: how many each has; the first two have limits.
        scan: microseconds from one of its frames to the next.
        features: what of the class's feature definition is not tumbling windows of a second with all aggregates.
    """
    tag = {"unit": "bar", "range": [0, 100]}
    watched = tag | {"limits": {"high": 80, "high_high": 90}}
    names = tag_names(tags)
    machine = {
        "scan": f"{scan}us",
        "tags": dict.fromkeys(names[:2], watched) | dict.fromkeys(names[2:], tag),
        "features": {"window": "1s", "lateness": "0s"} | features,
    }
    return {
        "enterprise": "acme",
        "site": "bench",
        "classes": {CLASS: machine},
        "assets": {f"hall/line-1/machine-{number}": {"class": CLASS} for number in range(machines)},
    }


def frames(plant: Plant, first: int, count: int, *, machines: int = MACHINES, start: int = T0) -> pl.DataFrame:
    """Return raw frames number *first* to *first* + *count* of the whole site, as a source would publish them.

    The first *machines* of the plant take turns from *start* on (microseconds UTC): frame n of the site is frame
    n // machines of its machine. Values are normal noise with three decimals.
    """
    number = np.arange(first, first + count)
    turn = number // machines
    asset_class = plant.classes[CLASS]
    tags = tuple(asset_class.tags)
    values = np.random.default_rng(first).normal(_NORMAL, _SPREAD, (count, len(tags))).round(3)
    rows = pl.DataFrame(
        {
            "asset": pl.Series(list(plant.assets)).gather(number % machines),
            "time": start + turn * asset_class.scan,
            "session": pl.repeat("bench", count, eager=True),
            "sequence": turn,
            "values": pl.DataFrame(values, schema=tags).to_struct(),
        }
    ).with_columns(event_ids(Stage.RAW, "1"), ingest_time="time", origin=pl.lit("live"))
    return rows.select(name for name in Frame.model_fields if name in rows.columns)


def context_frames(plant: Plant, first: int, count: int) -> pl.DataFrame:
    """Return what the context stage makes of `frames`."""
    schema = event_schema(Frame, plant.classes[CLASS]) | {TRACEPARENT: pl.String()}
    rows = pl.concat([pl.DataFrame(schema=schema), frames(plant, first, count)], how="diagonal").with_row_index(OFFSET)
    stage = context_stage(plant, ContextSettings()).open({}, 0)
    (emit,) = stage.process(CLASS, rows.cast({OFFSET: pl.Int64}), int(rows["time"].to_numpy().max())).emits
    return emit.rows.drop(LINEAGE_COLUMNS)
