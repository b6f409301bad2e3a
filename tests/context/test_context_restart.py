"""The stage's guarantee: however frames are split into batches, and wherever it restarts, the events are the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from andon.stream import Processor
from tests.context.frames import NOW, SECOND, T0, emitted, line, plant, processor, raw

ASSETS = ("a", "b", "c")
MODEL = plant(
    {
        "spiky": {"max_rate": 3, "range": [-50, 150]},
        "resting": {"stuck_after": "7s"},
        "drifting": {"stuck_after": "12s", "deadband": 0.2, "max_rate": 1},
        "rare": {"stuck_after": "15s", "max_rate": 2, "rate_hz": 0.5, "deadband": 1},
        "jumping": {"max_step": 1},
        "mode": {"kind": "state", "states": ["on", "off"], "stuck_after": "20s"},
    },
    assets=ASSETS,
    consistency=[{"name": "one does not run away", "low": "resting", "high": "drifting", "tolerance": 10}],
)


def frames(seed: int, count: int, disorder: float, spikes: float, gaps: float) -> pl.DataFrame:
    """Return frames of three assets with everything that sources do: spikes, rests, gaps, late and repeated frames."""
    random = np.random.default_rng(seed)
    clock = dict.fromkeys(ASSETS, T0)
    level = dict.fromkeys(ASSETS, 10.0)
    rows = []
    ingest = T0
    for _ in range(count):
        asset = str(random.choice(ASSETS, p=[0.6, 0.3, 0.1]))
        pause = random.choice([1, 9, 30, 300], p=[1 - gaps, gaps / 2, gaps / 3, gaps / 6])
        clock[asset] += int(SECOND * pause * random.choice([0.5, 1.0, 1.0]))
        ingest = max(ingest + int(SECOND * pause * random.choice([0.3, 0.3, 1.0])), clock[asset])
        late = random.random() < disorder
        time = clock[asset] - (int(random.choice([0, 1, 5, 40, 10_000])) * SECOND if late else 0)
        time += 4_000 * SECOND if random.random() < disorder / 10 else 0
        level[asset] += random.choice([0.0, 0.0, 0.05, 0.5, 2.5])
        spike = random.choice([-9.0, 20.0, 200.0]) if random.random() < spikes else 0.0
        numbers = [
            level[asset] + spike,
            round(level[asset] / 3),
            level[asset] / 50 + spike,
            level[asset] if random.random() < 0.5 else None,
            level[asset] + (spike if random.random() < 0.8 else 0),
        ]
        values = [*(None if random.random() < 0.05 else number for number in numbers), "on" if spike < 20 else "off"]
        status = {"spiky": 0x8000_0000} if random.random() < 0.02 else None
        rows.append(
            {
                "asset": asset,
                "time": max(time, 0),
                "ingest_time": ingest - int(random.choice([0, 0, 9])) * SECOND,
                "values": dict(zip(MODEL.classes["pump"].tags, values, strict=True)),
                "status": status,
            }
        )
    return raw(MODEL, rows)


def worker(delivered: int = 0) -> Processor:
    """Return the stage with a score that looks back over few frames, so that its cells come and go."""
    return processor(MODEL, delivered, half_life="4s")


#: What the stage emits when it emits nothing.
NOTHING = emitted(processor(MODEL).process("pump", frames(0, 1, 0, 0, 0), NOW)).clear()


def feed(worker: Processor, rows: pl.DataFrame, cuts: list[int]) -> pl.DataFrame:
    edges = sorted({0, *(cut % (rows.height + 1) for cut in cuts), rows.height})
    results = [worker.process("pump", rows[start:end], NOW) for start, end in pairwise(edges)]
    return pl.concat([NOTHING, *(emit.rows for result in results for emit in result.emits)])


sources = st.builds(
    frames,
    seed=st.integers(0, 2**32),
    count=st.integers(1, 250),
    disorder=st.sampled_from([0.0, 0.05, 0.3]),
    spikes=st.sampled_from([0.0, 0.05, 0.5]),
    gaps=st.sampled_from([0.0, 0.02, 0.2]),
)
cuts = st.lists(st.integers(0, 250), max_size=12)


@settings(max_examples=100, deadline=None)
@given(rows=sources, before=cuts, after=cuts, committed=st.integers(0, 250), ahead=st.integers(0, 30))
def test_batches_and_restarts_change_nothing(
    rows: pl.DataFrame, before: list[int], after: list[int], committed: int, ahead: int
) -> None:
    whole = feed(worker(), rows, [])
    reached = committed % (rows.height + 1)
    first = worker()
    assert_frame_equal(feed(first, rows[:reached], before), whole.filter(pl.col("first_offset") < reached))

    needed = first.needed_from()  # committed when all below `reached` was delivered; some more was, before it ended
    delivered = min(reached + ahead, rows.height)
    second = worker(delivered)
    again = feed(second, rows[reached if needed is None else needed :], after)
    assert_frame_equal(again, whole.filter(pl.col("first_offset") >= delivered))


def test_the_score_is_the_same_after_a_restart_though_marks_in_its_first_minute_depend_on_the_time_before() -> None:
    model = plant({"x": {"stuck_after": "20s"}})
    values = [{"values": {"x": float(second // 50)}} for second in range(700)]  # stuck in most of each 50 seconds
    whole = emitted(processor(model).process("pump", raw(model, values), NOW))
    for reached in range(400, 700, 7):
        first = processor(model)
        first.process("pump", raw(model, values)[:reached], NOW)
        needed = first.needed_from()
        assert needed
        again = emitted(processor(model, delivered=reached).process("pump", raw(model, values)[needed:], NOW))
        assert_frame_equal(again, whole.filter(pl.col("first_offset") >= reached))


def test_the_sources_of_that_test_earn_every_mark() -> None:
    rows = emitted(processor(MODEL).process("pump", frames(1, 2_000, 0.05, 0.05, 0.02), NOW))
    assert set(line(rows, "spiky")) == set(".mbor")
    assert set(line(rows, "resting")) == set(".msi")
    assert set(line(rows, "drifting")) == set(".mrsi")
    assert set(line(rows, "rare")) == set(".mrs")
    assert set(line(rows, "jumping")) == set(".mp")
    assert set(line(rows, "mode")) == set(".s")


def test_a_silent_asset_does_not_hold_the_offset_for_ever() -> None:
    one = worker()
    values = dict.fromkeys(MODEL.classes["pump"].tags)
    talking = [{"asset": "b", "time": T0 + second * SECOND, "values": values} for second in range(1_000)]
    rows = raw(MODEL, [{"asset": "a", "values": values}, *talking])
    one.process("pump", rows[:100], NOW)
    assert one.needed_from() == 0
    one.process("pump", rows[100:], NOW)
    needed = one.needed_from()
    assert needed is not None
    assert 850 <= needed < 1_000


def test_without_rules_that_need_memory_only_what_the_score_looks_back_over_is_read_again() -> None:
    model = plant({"x": {"range": [0, 1]}})
    one = processor(model)
    one.process("pump", raw(model, [{"values": {"x": 0.5}}] * 1_000), NOW)
    needed = one.needed_from()
    assert needed is not None
    assert 1_000 - 5 * 60 <= needed <= 1_000 - 4 * 60


def test_frames_that_are_delivered_already_emit_and_reject_nothing() -> None:
    model = plant({"x": {"stuck_after": "2s"}})
    rows = raw(model, [{"values": {"x": 1.0}}] * 4 + [{"time": NOW * 2, "values": {"x": 1.0}}])
    worker = processor(model, delivered=5)
    assert worker.process("pump", rows, NOW).emits == ()
    assert worker.process("pump", rows, NOW).rejected == ()
