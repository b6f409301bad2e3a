"""What was sent is what the offline path makes of the frames that its lineage names, and if not, that is found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import ContextFrame
from andon.parity import Difference, Parity
from andon.parity.compare import compare
from andon.parity.recompute import recompute
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream.stage import OFFSET, TRACEPARENT
from services.feature.processor import feature_stage

SECOND = 1_000_000
EXTRA: dict[str, Any] = {
    "mad": [{"tags": ["x"]}],
    "ewma": [{"tags": ["y"], "half_life": "2s"}],
    "correlation": [{"tags": ["x", "y"]}],
    "spectral_centroid": [{"tags": ["x"], "rate_hz": 2, "coverage": 0.5}],
    "time_in_state": [{"tags": ["mode"], "states": ["on"], "hold": "1s"}],
    "context": [{"field": "product", "values": ["A"]}],
}

QUALITY: list[dict[str, str] | None] = [None, None, {"x": "bad"}, {"y": "spike", "mode": "bad"}]
CONTEXT: list[dict[str, str] | None] = [None, {"product": "A"}, {"product": "B"}]


def plant(hop: str, lateness: str) -> Plant:
    features = {"window": "6s", "hop": hop, "lateness": lateness, "extra": EXTRA}
    tags = {"x": {}, "y": {}, "mode": {"kind": "state", "states": ["off", "on"]}}
    assets = {name: {"class": "pump"} for name in ("a", "b", "c")}
    classes = {"pump": {"scan": "500ms", "tags": tags, "features": features}}
    return Plant.model_validate({"enterprise": "acme", "site": "water", "classes": classes, "assets": assets})


def log(site: Plant, seed: int, size: int) -> pl.DataFrame:
    """Return context frames: late ones, repeated ones, history among what is live, bad samples, corrected context."""
    random = np.random.default_rng(seed)
    time = np.arange(size) * SECOND // 4 + random.integers(-4, 3, size) * SECOND // 2
    rows = [
        {
            "id": str(i),
            "asset": random.choice(["a", "b", "c"]),
            "time": int(max(0, time[i])),
            "ingest_time": i,
            "origin": random.choice(["live", "live", "heartbeat", "backfill"]),
            "revision": int(random.integers(0, 2)),
            "values": {"x": random.normal(), "y": random.normal(1e5), "mode": random.choice(["on", "off"])},
            "quality": QUALITY[random.integers(4)],
            "context": CONTEXT[random.integers(3)],
            OFFSET: 2 * i,
        }
        for i in range(size)
    ]
    schema = event_schema(ContextFrame, site.classes["pump"]) | {OFFSET: pl.Int64(), TRACEPARENT: pl.String()}
    return pl.DataFrame(rows, schema, orient="row")


def sent(site: Plant, frames: pl.DataFrame, poll: int) -> pl.DataFrame:
    """Return the vectors that the feature stage makes of a log, all windows closed."""
    stage = feature_stage(site).open({}, 0)
    results = [stage.process("pump", frames.slice(first, poll), 0) for first in range(0, frames.height, poll)]
    results.append(stage.tick(10**15, 0))
    return pl.concat([emit.rows for result in results for emit in result.emits])


def parity(site: Plant, vectors: pl.DataFrame, frames: pl.DataFrame) -> Parity:
    return compare(vectors, recompute(vectors, frames, site.classes["pump"]))


@settings(deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["0s", "2s", "3s"]),
    st.sampled_from(["0s", "4s"]),
    st.sampled_from([1, 7, 400]),
)
def test_whatever_the_log_every_vector_comes_out_again(seed: int, hop: str, lateness: str, poll: int) -> None:
    site = plant(hop, lateness)
    frames = log(site, seed, size=int(np.random.default_rng(seed).integers(1, 120)))
    vectors = sent(site, frames, poll)
    assert parity(site, vectors, frames) == Parity(checked=vectors.height)


SITE = plant("2s", "4s")
FRAMES = log(SITE, seed=1, size=100)
VECTORS = sent(SITE, FRAMES, 10).filter(pl.col("features").struct.field("x_mean").is_not_null())


def test_a_value_that_is_not_what_it_should_be_is_found() -> None:
    true = VECTORS["features"][3]["x_mean"]
    wrong = pl.col("features").struct.with_fields(
        x_mean=pl.when(pl.int_range(pl.len()) == 3).then(true * 1.25).otherwise(pl.field("x_mean"))
    )
    found = parity(SITE, VECTORS.with_columns(wrong), FRAMES)
    assert (found.checked, found.mismatches) == (VECTORS.height, 1)
    assert found.largest == pytest.approx(0.2)
    assert found.differences == (Difference(VECTORS["id"][3], "x_mean", true * 1.25, true),)


def test_null_for_a_value_is_an_infinite_error() -> None:
    lost = VECTORS.with_columns(pl.col("features").struct.with_fields(x_mean=pl.lit(None, pl.Float64)))
    found = parity(SITE, lost, FRAMES)
    assert (found.mismatches, found.largest) == (VECTORS.height, math.inf)
    assert len(found.differences) == 10


def test_a_frame_that_went_astray_is_found_though_features_may_be_the_same() -> None:
    astray = FRAMES.filter(pl.col(OFFSET) != VECTORS["first_offset"][0])
    found = parity(SITE, VECTORS, astray)
    assert found.mismatches >= 1
    assert {difference.name for difference in found.differences} >= {"samples"}


def test_a_tolerance_lets_small_errors_pass() -> None:
    off = pl.col("features").struct.with_fields(x_mean=pl.field("x_mean") * (1 + 1e-12))
    again = recompute(VECTORS, FRAMES, SITE.classes["pump"])
    assert compare(VECTORS.with_columns(off), again, tolerance=1e-9).mismatches == 0
    assert compare(VECTORS.with_columns(off), again).mismatches > 0


def test_without_vectors_there_is_nothing_to_say() -> None:
    assert parity(SITE, VECTORS.clear(), FRAMES) == Parity()
    assert parity(SITE, VECTORS, FRAMES.clear()).mismatches == VECTORS.height
    assert parity(SITE, VECTORS, FRAMES) + Parity(1, 1, 2.0, 3) == Parity(VECTORS.height + 1, 1, 2.0, 3)
