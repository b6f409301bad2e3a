"""Whatever the log, the polls and the crashes: each frame counts once, in the windows that a simple model says.

The model takes one frame at a time and keeps every window as a list. The stage must agree with it to the last bit,
however polls cut the log, wherever it crashes and however much of its last results survived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import Context, ContextFrame
from andon.features import FeatureDefinition
from andon.features.compute import windows
from andon.features.inputs import input_columns
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream.stage import OFFSET, TRACEPARENT, Result, State
from services.feature.processor import feature_stage

QUARTER = 250_000
IDLE = 60_000_000


#: Features of every kind of input, and of every way of computing.
EXTRA: dict[str, Any] = {
    "quantiles": [{"tags": ["x"], "probabilities": [0.1, 0.75]}],
    "ewma": [{"tags": ["x", "n"], "half_life": "700ms"}],
    "lagged_means": [{"tags": ["n"], "panes": 3}],
    "correlation": [{"tags": ["x", "n"]}],
    "band_energy": [
        {"tags": ["wave"], "bands_hz": [[0, 3], [3, 8]]},
        {"tags": ["x"], "rate_hz": 4, "bands_hz": [[0, 2]]},
    ],
    "time_in_state": [{"tags": ["mode"], "states": ["off", "auto"], "hold": "600ms"}],
    "changes": [{"tags": ["mode", "n"]}],
    "context": [{"field": "order", "values": ["4711"]}],
}


def plant(window: str, hop: str, lateness: str, extra: Mapping[str, Any] | None = None) -> Plant:
    features = {"window": window, "hop": hop, "lateness": lateness, "idle": IDLE, "extra": extra or {}}
    tags = {
        "x": {},
        "n": {"kind": "integer"},
        "mode": {"kind": "state", "states": ["off", "auto"]},
        "wave": {"kind": "waveform"},
    }
    pump = {"scan": QUARTER, "tags": tags, "features": features}
    assets = {name: {"class": "pump"} for name in "ab"}
    return Plant.model_validate({"enterprise": "acme", "site": "water", "classes": {"pump": pump}, "assets": assets})


PLANTS = [
    plant("1s", "0s", "0s"),
    plant("1s", "0s", "750ms"),
    plant("2s", "1s", "500ms"),
    plant("3s", "1s", "2s"),
    plant("2s", "1s", "500ms", EXTRA),
]

Row = dict[str, Any]
#: Rows of the log, and None for a silence that is long enough for all windows to be closed.
Script = list[Row | None]

WAVES = [{"rate_hz": 16.0, "samples": [math.sin(i * i) for i in range(size)]} for size in (16, 16, 40)]
_CONTEXT = Context(order="4711", stale=True).model_dump()
_rows = st.fixed_dictionaries(
    {
        "asset": st.sampled_from("aab"),
        "time": st.integers(8, 40).map(lambda quarters: quarters * QUARTER),
        "ingest_time": st.integers(0, 10**9),
        "origin": st.sampled_from(["live", "backfill"]),
        "revision": st.integers(0, 2),
        "values": st.fixed_dictionaries(
            {
                "x": st.floats(-1e6, 1e6) | st.none(),
                "n": st.integers(-9, 9),
                "mode": st.sampled_from(["off", "auto", None]),
                "wave": st.sampled_from([None, *WAVES]),
            }
        ),
        "quality": st.sampled_from([None, {"x": "bad", "mode": "bad"}, {"n": "stuck"}, {"wave": "uncertain"}]),
        "context": st.sampled_from([None, _CONTEXT, {**_CONTEXT, "order": "4712"}]),
    }
)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Return a log whose times mostly rise, some out of order, some far behind, some twice."""
    size = draw(st.sampled_from([2, 10, 25, 40]))  # left alone, hypothesis draws mostly short lists
    rows: list[Row] = draw(st.lists(_rows, min_size=size, max_size=size))
    if draw(st.booleans()):
        delay = st.integers(0, 6).map(lambda quarters: quarters * QUARTER)
        rows = [row for _, row in sorted(((row["time"] + draw(delay), row) for row in rows), key=itemgetter(0))]
    script: Script = [{**row, OFFSET: 3 * i, TRACEPARENT: f"trace-{i}"} for i, row in enumerate(rows)]
    for position in draw(st.lists(st.integers(0, len(script)), max_size=2)):
        script.insert(position, None)
    return script


def lane(row: Row) -> str:
    """Return whose windows a frame belongs to: history's are not those of the asset that is live."""
    return f"{row['asset']}/history" if row["origin"] == "backfill" else str(row["asset"])


@dataclass
class Model:
    """The specification: one frame at a time. Assets are live ones and those in history.

    Attributes:
        open: frames of each open window, by asset and window end.
        vectors: what closed windows come to, by asset and end: their frames and the ingest time of what closed them.
        late: offsets of rejected frames.
        seen: asset, time and revision of each frame.
        repeats: offsets of frames whose windows are closed and that repeat one before.
    """

    definition: FeatureDefinition
    newest: dict[str, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    open: dict[tuple[str, int], list[Row]] = field(default_factory=dict)
    vectors: dict[tuple[str, int], tuple[list[Row], int]] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    seen: set[tuple[str, int, int]] = field(default_factory=set)
    repeats: set[int] = field(default_factory=set)

    def take(self, row: Row) -> None:
        asset, time = lane(row), row["time"]
        first_end = time // self.definition.step * self.definition.step + self.definition.step
        ends = range(first_end, first_end + self.definition.window, self.definition.step)
        ends_in_time = [end for end in ends if end > self.closed.get(asset, 0)]
        for end in ends_in_time:
            self.open.setdefault((asset, end), []).append(row)
        name = (asset, time, row["revision"])
        if not ends_in_time and name in self.seen:
            self.repeats.add(row[OFFSET])
        elif not ends_in_time and row["origin"] != "backfill" and not row["revision"]:
            self.late.add(row[OFFSET])  # history may step back, context be corrected
        self.seen.add(name)
        self.newest[asset] = max(time, self.newest.get(asset, 0))
        self.close(asset, self.newest[asset] - self.definition.lateness, row["ingest_time"])

    def close(self, asset: str, until: int, ingest_time: int) -> None:
        self.closed[asset] = max(until, self.closed.get(asset, 0))
        for key in [key for key in self.open if key[0] == asset and key[1] <= until]:
            self.vectors[key] = (self.open.pop(key), ingest_time)

    def silence(self, now: int) -> None:
        for asset in self.newest:
            self.close(asset, max((end for owner, end in self.open if owner == asset), default=0), now)


def expected(model: Model, site: Plant) -> dict[str, Row]:
    """Return what the feature topic must hold, by id."""
    found = {}
    computed = offline(model, site)
    for (asset, end), (rows, ingest_time) in model.vectors.items():
        times = [row["time"] for row in rows]
        counted = [row for i, row in enumerate(rows) if row["time"] not in times[:i]]
        path = asset.removesuffix("/history")
        event = f"{path}@{end}:feature:{model.definition.hash}"
        history = asset.endswith("/history")
        found[f"{event}/{history}"] = {
            **computed[asset, end],
            "id": event,
            "asset": path,
            "asset_class": "pump",
            "definition": model.definition.hash,
            "ingest_time": ingest_time,
            "origin": counted[-1]["origin"],
            "context": counted[-1]["context"],
            "revision": 2 * max(row["revision"] for row in counted) + history,
            "first_offset": counted[0][OFFSET],
            "last_offset": counted[-1][OFFSET],
            TRACEPARENT: counted[-1][TRACEPARENT],
        }
    return found


def offline(model: Model, site: Plant) -> dict[tuple[str, int], Row]:
    """Compute the windows' features as the trainer does, each from its frames alone."""
    samples = [{**row, "asset": f"{asset}@{end}"} for (asset, end), (rows, _) in model.vectors.items() for row in rows]
    inputs = frames(site, samples).select("asset", "time", *input_columns(model.definition))
    computed = windows(inputs, model.definition, QUARTER)
    return {
        (row["asset"].split("@")[0], row["time"]): row
        for row in computed.to_dicts()
        if row["asset"].endswith(f"@{row['time']}")
    }


@dataclass
class World:
    """The bus, and a stage that crashes: what was written survives, what was in memory does not.

    Attributes:
        log: the input topic.
        position: index in the log of what is read next.
        recall: how much is read again before what open windows need.
        delivered, committed: offsets as written; both may lag.
    """

    plant: Plant
    log: list[Row]
    draw: Callable[[st.SearchStrategy[int]], int]
    crashes: int
    recall: int
    sent: dict[str, Row] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    state: dict[str, State] = field(default_factory=dict)
    position: int = 0
    delivered: int = 0
    committed: int = 0

    def start(self) -> None:
        """Start a worker on what survived."""
        self.processor = feature_stage(self.plant).open(self.state, self.delivered)
        self.position = sum(row[OFFSET] < self.committed for row in self.log)

    def read(self, until: int, now: int) -> None:
        """Read the log up to an index, in polls."""
        while self.position < until:
            polled = self.log[self.position : min(until, self.position + self.draw(st.integers(1, 8)))]
            self.position += len(polled)
            result = self.processor.process("pump", frames(self.plant, polled), now)
            self.write(result, crash=bool(self.crashes and self.draw(st.integers(0, 1))))

    def write(self, result: Result, *, crash: bool) -> None:
        """Write a result; a crash leaves out what comes after any of the steps."""
        written = self.draw(st.integers(0, 3)) if crash else 3
        if written >= 1:
            self.send(result)
        if written >= 2:
            self.state |= result.state
        if written >= 3:
            self.acknowledge()
        if crash:
            self.crashes -= 1
            self.start()

    def send(self, result: Result) -> None:
        self.late |= {rejected.offset for rejected in result.rejected}
        for row in (row for emit in result.emits for row in emit.rows.to_dicts()):
            assert self.sent.setdefault(f"{row['id']}/{row['revision'] % 2 == 1}", row) == row

    def acknowledge(self) -> None:
        """Note the position and commit, each now and then only."""
        reached = self.log[self.position - 1][OFFSET] + 1 if self.position else 0
        needed = self.processor.needed_from()
        if self.draw(st.integers(0, 1)):
            self.delivered = max(self.delivered, reached)
        if self.draw(st.integers(0, 1)):
            needed = reached if needed is None else min(needed, reached)
            self.committed = max(self.committed, min(needed, reached - self.recall))


def frames(model: Plant, rows: list[Row]) -> pl.DataFrame:
    spec = feature_stage(model)
    schema = event_schema(ContextFrame, model.classes["pump"], without=spec.without)
    return pl.DataFrame(rows, {**schema, OFFSET: pl.Int64(), TRACEPARENT: pl.String()}, orient="row")


@pytest.mark.parametrize("site", PLANTS, ids=["no lateness", "tumbling", "hopping", "long windows", "all kinds"])
@given(data=st.data(), script=scripts())
@settings(max_examples=40, deadline=None)
def test_every_frame_counts_once_whatever_happens(site: Plant, data: st.DataObject, script: Script) -> None:
    definition = site.classes["pump"].feature_definition
    model = Model(definition)
    log = [row for row in script if row is not None]
    crashes, recall = data.draw(st.integers(0, 3)), data.draw(st.sampled_from([0, 1_000]))
    world = World(site, log, data.draw, crashes, recall)
    world.start()
    read, now = 0, 0
    for row in script:
        if row is not None:
            model.take(row)
            read += 1
            continue
        world.read(read, now)
        now += IDLE
        model.silence(now)
        world.write(world.processor.tick(now, 0), crash=False)
    world.read(read, now)
    assert world.sent == expected(model, site)
    assert model.late <= world.late
    # What is not read again is no longer known after a crash.
    assert world.late - model.late <= (model.repeats if crashes and not recall else set())
