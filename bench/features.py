"""Offline features: samples per second of eight tags, and whether the feature stage makes the same bits of them."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from andon.contracts import ContextFrame, FeatureVector
from andon.features import Aggregate
from andon.parity.compare import Parity, compare
from andon.parity.recompute import NUMBER
from andon.plant import AssetClass, Plant
from andon.plant.columns import event_schema
from andon.stream.codec import encode_values
from andon.stream.stage import LINEAGE_COLUMNS, OFFSET, TRACEPARENT, Result
from bench.common import is_quick, result, table
from bench.frames import CLASS, TAGS, context_frames, frames, plant_document
from services.feature.processor import feature_stage
from services.trainer.dataset import offline_vectors

#: Every kind of feature that is made of number tags, four of them of all eight.
EXTRA: dict[str, Any] = {
    "quantiles": [{"tags": TAGS, "probabilities": [0.05, 0.95]}],
    "mad": [{"tags": TAGS}],
    "rate": [{"tags": TAGS}],
    "ewma": [{"tags": TAGS, "half_life": "200ms"}],
    "lagged_means": [{"tags": TAGS[:2], "panes": 5}],
    "correlation": [{"tags": TAGS[:3]}],
    "ratio": [{"tags": TAGS[:2]}],
    "band_energy": [{"tags": TAGS[:2], "rate_hz": 20, "bands_hz": [[0, 2], [2, 10]]}],
    "spectral_centroid": [{"tags": TAGS[:2], "rate_hz": 20}],
    "time_above": [{"tags": TAGS[:1], "levels": [52], "hold": "100ms"}],
    "regime": [{"tags": TAGS[:1], "edges": [49, 51]}],
}
_POLL = 5_000
#: Frames that are made, sent and received at once.
_CHUNK = 50_000
_ROUNDS = 3


def _plant(extra: Mapping[str, Any]) -> Plant:
    return Plant.model_validate(plant_document(extra=extra))


def _samples_per_s(rows: pl.DataFrame, asset_class: AssetClass) -> float:
    begun = time.perf_counter()
    offline_vectors(rows, asset_class)
    return rows.height * len(TAGS) / (time.perf_counter() - begun)


def _online(plant: Plant, count: int) -> pl.DataFrame:
    """Return the vectors that the feature stage makes of frames on the wire, as they are received from it."""
    stage = feature_stage(plant).open({}, 0)
    results = [stage.process(CLASS, poll, 0) for poll in _polls(plant, count)]
    results.append(stage.tick(2**53, 0))
    return pl.concat(part for result in results for part in _received(plant, result))


def _polls(plant: Plant, count: int) -> Iterator[pl.DataFrame]:
    schema = event_schema(ContextFrame, plant.classes[CLASS])
    for first in range(0, count, _CHUNK):
        received = _on_the_wire(context_frames(plant, first, min(_CHUNK, count - first)), schema)
        offsets = pl.int_range(first, first + received.height, dtype=pl.Int64, eager=True).alias(OFFSET)
        rows = received.with_columns(offsets, pl.lit(None, pl.String).alias(TRACEPARENT))
        yield from rows.iter_slices(_POLL)


def _received(plant: Plant, result: Result) -> Iterator[pl.DataFrame]:
    schema = event_schema(FeatureVector, plant.classes[CLASS])
    for emit in result.emits:
        yield _on_the_wire(emit.rows.drop(LINEAGE_COLUMNS), schema)


def _on_the_wire(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(b"\n".join(encode_values(rows))), schema=schema)


def _parity(online: pl.DataFrame, offline: pl.DataFrame) -> Parity:
    """Compare all vectors; those that only one side has are mismatches."""
    again = online.select("asset", "time").with_row_index(NUMBER).join(offline, on=("asset", "time"))
    only_offline = offline.height - again.height
    return compare(online, again) + Parity(mismatches=only_offline)


def main() -> None:
    count = 200_000 if is_quick(__doc__ or "") else 1_000_000
    plain, rich = _plant({}), _plant(EXTRA)
    rows = frames(plain, 0, count)
    speeds = [
        statistics.median(_samples_per_s(rows, plant.classes[CLASS]) for _ in range(_ROUNDS)) for plant in (plain, rich)
    ]
    # Made in the same pieces as those on the wire: each has random numbers of its own.
    recorded = pl.concat(frames(rich, first, min(_CHUNK, count - first)) for first in range(0, count, _CHUNK))
    parity = _parity(_online(rich, count), offline_vectors(recorded, rich.classes[CLASS]))
    names = [len(plant.classes[CLASS].feature_definition.feature_names) for plant in (plain, rich)]
    table(
        f"Offline features of {count:,} frames of {len(TAGS)} tags in windows of 1 s, from raw values to vectors",
        ("", "features", "samples/s"),
        [
            (f"{len(Aggregate)} aggregates", f"{names[0]}", f"{speeds[0]:,.0f}"),
            (f"and {len(EXTRA)} other kinds", f"{names[1]}", f"{speeds[1]:,.0f}"),
        ],
    )
    result(
        "features",
        samples_per_s=speeds[0],
        samples_per_s_all_kinds=speeds[1],
        vectors=parity.checked,
        mismatches=parity.mismatches,
        largest_relative_error=parity.largest,
    )


if __name__ == "__main__":
    main()
