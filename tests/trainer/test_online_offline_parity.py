"""A model sees in production what it saw in training: the same windows with the same features, to the last bit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, cycle, takewhile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from andon.contracts import ContextFrame, Frame, Origin
from andon.plant import Plant, load_plant
from andon.plant.columns import event_schema
from andon.recordings import load_mapping, merge, open_recording
from andon.stream import Processor, Result
from andon.stream.codec import encode_values
from andon.stream.stage import LINEAGE_COLUMNS
from sandbox.station.faults import Fault, FaultKind
from sandbox.station.record import write_recording
from sandbox.station.simulate import StationConfig, simulate
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.ingest.session import Session
from services.trainer.dataset import offline_vectors, read_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"
SKAB = Path(__file__).parents[3] / "shared" / "data" / "skab" / "valve1"
SECOND = 1_000_000
#: What both sides say of a window.
SAID = ("asset", "start", "time", "samples", "expected", "good_ratio", "features")
#: Sizes of polls, over and over.
SPLITS = ((1_000_000,), (7, 1, 500, 64), (311,))

EXTRA: dict[str, Any] = {
    "quantiles": [{"tags": ["flow"], "probabilities": [0.1, 0.9]}],
    "mad": [{"tags": ["power"]}],
    "rate": [{"tags": ["flow"]}],
    "ewma": [{"tags": ["bearing_temperature"], "half_life": "4s"}],
    "lagged_means": [{"tags": ["vibration"], "panes": 5}],
    "correlation": [{"tags": ["flow", "power", "speed"]}],
    "ratio": [{"tags": ["power", "flow"]}],
    "band_energy": [{"tags": ["vibration"], "rate_hz": 1, "bands_hz": [[0, 0.2], [0.2, 0.5]]}],
    "spectral_centroid": [{"tags": ["vibration"], "rate_hz": 1, "coverage": 0.7}],
    "time_above": [{"tags": ["flow"], "levels": [100], "hold": "3s"}],
    "regime": [{"tags": ["speed"], "edges": [900, 1400]}],
}

#: Every kind of sensor fault, and a process fault, in twenty minutes.
FAULTS = (
    Fault(FaultKind.SENSOR_SPIKES, 0, 60, 180, tag="vibration"),
    Fault(FaultKind.SENSOR_STUCK, 1, 120, 240, tag="flow"),
    Fault(FaultKind.SENSOR_DROPOUT, 2, 200, 100, tag="bearing_temperature"),
    Fault(FaultKind.SENSOR_DRIFT, 3, 300, 400, tag="water_temperature"),
    Fault(FaultKind.CAVITATION, 0, 600, 300),
)


class Chain:
    """The context and feature stages of one partition, with the wire between them."""

    def __init__(self, plant: Plant, name: str) -> None:
        self._name = name
        self._now = 0
        self._context: Processor = context_stage(plant, ContextSettings()).open({}, 0)
        self._feature: Processor = feature_stage(plant).open({}, 0)
        self._contract = event_schema(ContextFrame, plant.classes[name])
        self.marks: set[str] = set()

    def process(self, frames: pl.DataFrame) -> pl.DataFrame:
        """Return the vectors of the windows that a poll of raw frames closes."""
        self._now = int(frames["ingest_time"].to_numpy()[-1])
        result = self._context.process(self._name, frames, self._now)
        assert not result.rejected
        rows = pl.concat([emit.rows for emit in result.emits])
        sent = on_the_wire(rows.drop(LINEAGE_COLUMNS), self._contract)
        self.marks.update(pl.concat(list(sent["quality"].struct.unnest())).drop_nulls())
        received = sent.hstack(rows.select("traceparent", offset="first_offset"))
        return self._said(self._feature.process(self._name, received, self._now))

    def fall_silent(self) -> pl.DataFrame:
        """Return the vectors of the last windows, which no frame closes."""
        return self._said(self._feature.tick(self._now + 3_600 * SECOND, self._now))

    def _said(self, result: Result) -> pl.DataFrame:
        assert not result.rejected
        return pl.concat([emit.rows.select(SAID) for emit in result.emits] or [pl.DataFrame()])


def on_the_wire(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(b"\n".join(encode_values(rows))), schema=schema)


def replay(frames: pl.DataFrame, plant: Plant, name: str) -> pl.DataFrame:
    """Return raw frames as the context stage receives them of an ingest service that replays a hundred times faster."""
    elapsed = pl.col("time") - pl.col("time").min()
    stamped = Session("replay", plant).stamp(name, frames, Origin.BACKFILL)
    events = stamped.with_columns(ingest_time=pl.col("time").max() + elapsed // 100)
    received = on_the_wire(events, event_schema(Frame, plant.classes[name]))
    offsets = pl.int_range(received.height, dtype=pl.Int64).alias("offset")
    return received.with_columns(offsets, traceparent=pl.lit(None, pl.String))


def polls(rows: pl.DataFrame, sizes: Sequence[int]) -> Iterator[pl.DataFrame]:
    starts = takewhile(lambda start: start < rows.height, accumulate(cycle(sizes), initial=0))
    return (rows.slice(start, size) for start, size in zip(starts, cycle(sizes), strict=False))


def check_parity(plant: Plant, folder: Path, mapping: Path, name: str) -> Chain:
    """Check that a recording's vectors are the same offline and online, however polls cut its replay."""
    recording = open_recording(folder, load_mapping(mapping), plant)
    offline = offline_vectors(read_dataset(recording).frames[name], plant.classes[name]).select(SAID)
    merged = pl.concat([chunk.frames[name] for chunk in merge(recording.streams())])
    frames = replay(merged, plant, name)
    watermark = pl.col("time").max() - plant.classes[name].features.lateness
    watermarks = merged.group_by("asset").agg(watermark=watermark)
    still_open = offline.join(watermarks, on="asset").filter(pl.col("time") > pl.col("watermark")).height
    for sizes in SPLITS:
        chain = Chain(plant, name)
        closed = [chain.process(poll) for poll in polls(frames, sizes)]
        # An asset's last windows wait for later frames; where none come, for its silence.
        last = chain.fall_silent()
        assert last.height == still_open
        online = pl.concat([vectors for vectors in (*closed, last) if vectors.height]).sort("asset", "time")
        assert_frame_equal(online, offline.sort("asset", "time"), check_exact=True)
    return chain


def station() -> Plant:
    """Return the plant model of the simulated pumps, with features of every kind that their tags can have."""
    document = yaml.safe_load((EXAMPLES / "pumps" / "plant.yaml").read_text(encoding="utf-8"))
    document["classes"]["pump"]["features"]["extra"] = EXTRA
    return Plant.model_validate(document)


def test_the_simulated_station_with_faulty_sensors(tmp_path: Path) -> None:
    write_recording(simulate(StationConfig(seed=3, training=0, live=1_200, faults=FAULTS)), tmp_path)
    chain = check_parity(station(), tmp_path, tmp_path / "mapping.yaml", "pump")
    assert chain.marks == {"missing", "out_of_range", "impossible_rate", "stuck"}


@pytest.mark.skipif(not SKAB.is_dir(), reason="the recordings of ../shared/data/skab are not here")
def test_the_valve_rig() -> None:
    check_parity(load_plant(EXAMPLES / "skab" / "plant.yaml"), SKAB, EXAMPLES / "skab" / "mapping.yaml", "valve-rig")
