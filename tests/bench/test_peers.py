"""The comparison with peers: what it takes for the same numbers, whose clock it goes by, and what it writes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import orjson
import pytest

from andon.clock import SECOND
from andon.plant import Plant
from andon.stream.publish import keyed_values
from bench.common import BenchError
from bench.frames import MACHINES, RATE_HZ, T0, context_frames, plant_document
from bench.page import markdown, replaced
from bench.peers.chart import chart
from bench.peers.measure import Run
from bench.peers.peer import ANDON, PEERS, QUIX
from bench.peers.reference import SECONDS, Expected, expected
from bench.peers.report import Runs, figures, section, spread
from bench.peers.tape import Live, number_of
from bench.stacks import DECODE, ENCODE, FETCH, LOOP, PROCESS, parts_of
from bench.subjects.job import Job
from bench.subjects.reducer import State, add, begin, result_of
from bench.subjects.steps import OpenWindows, Pair, pass_on

PLANT = Plant.model_validate(plant_document())
FRAMES = MACHINES * RATE_HZ * (SECONDS + 1)


@pytest.fixture(scope="module")
def frames() -> list[Pair]:
    return keyed_values(context_frames(PLANT, 0, FRAMES))


@pytest.fixture(scope="module")
def windows() -> Expected:
    return expected(PLANT, Job.WINDOW, b"")


@pytest.mark.parametrize("poll", [1_000, 777, 33])
def test_a_bare_loop_makes_the_expected_windows_however_polls_cut_the_log(
    frames: list[Pair], windows: Expected, poll: int
) -> None:
    loop, seen = OpenWindows(), set()
    for first in range(0, FRAMES, poll):
        closed = loop.add(frames[first : first + poll])
        for key, start, row in zip(closed.keys, closed.starts, closed.features.tolist(), strict=True):
            windows.compare((key, start), {"features": dict(zip(windows[key, start], row, strict=True))})
            seen.add((key, start))
    assert seen == set(windows)


def test_a_reducer_makes_the_expected_windows(frames: list[Pair], windows: Expected) -> None:
    states: dict[tuple[bytes, int], State] = {}
    for key, value in frames:
        frame = orjson.loads(value)
        place = key, frame["time"] // SECOND * SECOND
        states[place] = add(states[place], frame) if place in states else begin(frame)
    for place in windows:
        windows.compare(place, result_of(place[1], states[place], None))


def test_passing_on_changes_no_number(frames: list[Pair]) -> None:
    wanted = expected(PLANT, Job.PASS, b"")
    for key, value in pass_on(frames[: len(wanted)]):
        frame = orjson.loads(value)
        wanted.compare((key, frame["time"]), frame)


def test_other_numbers_are_refused(windows: Expected) -> None:
    place, wanted = next(iter(windows.items()))
    windows.compare(place, {"features": {name: value * (1 + 1e-9) for name, value in wanted.items()}})
    with pytest.raises(BenchError, match="s0_std of hall/line-1/machine-0 at"):
        windows.compare(place, {"features": {**wanted, "s0_std": wanted["s0_std"] + 1e-3}})
    with pytest.raises(BenchError, match="is None"):
        windows.compare(place, {"features": None})


def test_a_frame_that_closes_a_window_is_the_next_of_its_machine() -> None:
    live = Live(first=MACHINES * RATE_HZ, count=2 * MACHINES * RATE_HZ, per_tick=64, start_ms=1_000)
    triggers = live.triggers(Job.WINDOW)
    assert len(triggers) == 2 * MACHINES
    assert number_of(b"hall/line-1/machine-3", T0 + SECOND) == triggers[3] == live.first + 3
    assert live.due_ms(triggers[[0, MACHINES]]).tolist() == [1_000, 1_000 + RATE_HZ // 2 * 10]
    assert np.array_equal(live.triggers(Job.PASS, skip_s=0.01), np.arange(live.first + 64, live.first + live.count))


def _runs() -> Runs:
    speeds = {peer.name: 10.0 * (index + 1) for index, peer in enumerate(reversed(PEERS))}
    return {job: {name: [Run(1e5, us, 100), Run(1e5, 2 * us, 100)] for name, us in speeds.items()} for job in Job}


def test_ratios_are_of_processor_time_in_the_same_round() -> None:
    found = figures(_runs())
    assert found["ratio_quix_pass"] == 4
    assert found["ratio_limit_pass"] == 2
    quick = {
        job: {name: runs for name, runs in found.items() if name in (ANDON, QUIX)} for job, found in _runs().items()
    }
    assert set(figures(quick)) == {f"ratio_quix_{job}" for job in Job}


def test_the_page_and_the_chart_show_every_peer() -> None:
    written, drawn = section(_runs()), chart(_runs())
    texts = [element.text for element in ET.fromstring(drawn).iter() if element.text]
    for peer in PEERS:
        assert written.count(peer.name) >= len(Job)
        assert texts.count(peer.name) == len(Job)
    assert "| 15.0 (10.0 to 20.0) | 100 (100 to 100) | - | - |" in written


def test_a_spread_is_a_median_and_its_ends() -> None:
    assert spread([3, 1, 2], ".0f") == "2 (1 to 3)"
    assert spread([2.0], ".1f") == "2.0"
    assert spread([float("nan")], ".1f") == "-"


def test_only_what_is_between_the_markers_is_written() -> None:
    page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    new = replaced(page, "x", markdown(("", "n"), [("one", "1")]))
    assert new == "a\n<!-- x: begin -->\n|  | n |\n| --- | ---: |\n| one | 1 |\n<!-- x: end -->\nb\n"
    assert replaced(new, "x", "old") == page
    with pytest.raises(BenchError, match="once each"):
        replaced(page, "y", "")


def test_a_stack_is_of_the_part_of_its_innermost_function_that_has_one() -> None:
    main = "<module> (services/feature/__main__.py:18);BaseEventLoop._run_once (asyncio/base_events.py:1922)"
    prepare = "Thread.run (threading.py:982);Partition.prepare (andon/stream/partition.py:132)"
    found = parts_of(
        f"{prepare};Decoder.decode (andon/stream/codec.py:60);read (polars/io.py:1) 7\n"
        f"{prepare};FeatureProcessor.process (services/feature/processor.py:40) 2\n"
        f"{prepare};Partition._encode (andon/stream/partition.py:169);encode (andon/stream/codec.py:190) 4\n"
        f"{main};Fetcher.fetched_records (aiokafka/consumer/fetcher.py:1);loads (x.py:1) 3\n"
        f"{main};Handle._run (asyncio/events.py:80) 1\n"
        f"{main};EpollSelector.select (selectors.py:468) 40\n"
        "Thread.run (threading.py:982);_worker (concurrent/futures/thread.py:81) 50\n"
        "<module> (services/feature/__main__.py:1);_find_and_load (<frozen importlib._bootstrap>:1178) 90\n"
    )
    assert found == {DECODE: 7, PROCESS: 2, ENCODE: 4, FETCH: 3, LOOP: 1}
