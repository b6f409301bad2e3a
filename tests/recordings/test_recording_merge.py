"""Files that overlap in time come out as one stream in time order."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from andon.recordings.findings import Finding, Findings, Problem
from andon.recordings.frames import Chunk
from andon.recordings.merge import Stream, merge

from .recordings import counting

#: A stream as the times of its chunks.
Times = list[list[int]]


def chunk(asset: str, times: list[int], name: str = "pump") -> Chunk:
    return Chunk({name: pl.DataFrame({"asset": [asset] * len(times), "time": times})}, Findings())


def stream(name: str, chunks: Times, opened: list[str] | None = None) -> Stream:
    begins = min((time for times in chunks for time in times), default=0)
    parts = [chunk(name, times) for times in chunks]
    return Stream(name, begins, lambda: counting(iter(parts), [] if opened is None else opened, name))


def merged(*streams: Stream) -> tuple[list[tuple[int, str]], Findings]:
    out = list(merge(streams))
    rows = [row for part in out for frames in part.frames.values() for row in frames.select("time", "asset").rows()]
    return rows, sum((part.findings for part in out), Findings())


@st.composite
def recordings(draw: st.DrawFn) -> list[Times]:
    """Streams in time order, cut into chunks anywhere (some empty)."""
    streams = []
    for times in draw(st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=5)):
        cuts = sorted(draw(st.lists(st.integers(0, len(times)), max_size=5)))
        edges = [0, *cuts, len(times)]
        streams.append([sorted(times)[a:b] for a, b in pairwise(edges)])
    return streams


@given(recordings())
def test_every_frame_comes_once_and_in_time_order(recorded: list[Times]) -> None:
    rows, findings = merged(*(stream(f"s{i}", chunks) for i, chunks in enumerate(recorded)))
    expected = [(time, f"s{i}") for i, chunks in enumerate(recorded) for times in chunks for time in times]
    assert sorted(rows) == sorted(expected)
    assert [time for time, _ in rows] == sorted(time for time, _ in expected)
    assert not [finding for finding in findings if finding.problem is Problem.LATE]


@given(st.lists(st.lists(st.integers(0, 60), max_size=10), max_size=5))
def test_no_frame_is_lost_in_whatever_order_they_were_written(chunks: Times) -> None:
    rows, _ = merged(stream("a", chunks), stream("b", [[0, 30, 60]]))
    assert sorted(time for time, _ in rows) == sorted([0, 30, 60, *(time for times in chunks for time in times)])


def test_equal_times_come_in_the_order_of_the_streams() -> None:
    rows, _ = merged(stream("a", [[1, 3]]), stream("b", [[1, 3]]), stream("c", [[1, 3]]))
    assert rows == [(1, "a"), (1, "b"), (1, "c"), (3, "a"), (3, "b"), (3, "c")]


def test_rows_of_a_chunk_need_not_be_in_order() -> None:
    assert merged(stream("a", [[3, 1, 2]]), stream("b", [[2]]))[0] == [(1, "a"), (2, "a"), (2, "b"), (3, "a")]


def test_what_comes_after_younger_frames_is_sent_next_and_counted() -> None:
    rows, findings = merged(stream("a", [[1, 5], [2, 3], [9]]), stream("b", [[4, 8]]))
    assert [time for time, _ in rows] == [1, 4, 5, 2, 3, 8, 9]
    assert findings == {Finding("a", Problem.LATE): 2}


def test_rows_that_share_an_event_id_are_counted() -> None:
    _, findings = merged(stream("a", [[1, 1, 1, 2]]), stream("b", [[1]]))
    assert findings == {Finding("a", Problem.REPEATED): 2}


def test_findings_of_a_file_without_frames_are_kept() -> None:
    lost = Findings({Finding("a", Problem.NO_TIME): 7})
    only = Stream("a", 0, lambda: iter([Chunk({}, lost)]))
    assert merged(only) == ([], lost)


def test_classes_stay_apart() -> None:
    both = Stream(
        "a", 1, lambda: iter([Chunk({**chunk("p", [1]).frames, **chunk("f", [2], "fan").frames}, Findings())])
    )
    (first, second), _ = [part.frames for part in merge([both, stream("b", [[1, 3]])])], None
    assert {name: rows["time"].to_list() for name, rows in first.items()} == {"pump": [1, 1], "fan": [2]}
    assert {name: rows["time"].to_list() for name, rows in second.items()} == {"pump": [3]}


def test_a_file_is_opened_only_when_it_is_its_turn() -> None:
    opened: list[str] = []
    parts = merge([stream("a", [[1], [2]], opened), stream("late", [[100]], opened)])
    next(parts)
    assert opened == ["a"]
    assert [row["time"].item() for part in parts for row in part.frames.values()] == [2, 100]
    assert opened == ["a", "late"]
