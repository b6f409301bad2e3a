"""Each frame is in the lake once, in its highest revision, wherever a worker is killed or the disk is full."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import Frame
from andon.errors import ConfigError
from andon.plant.columns import event_schema
from services.historian.lake.files import Files, NoRoomError
from services.historian.lake.lake import Lake, Pace
from tests.historian.history import PUMP, SECOND, T0, frame, plant

MODEL = plant()
SCHEMA = event_schema(Frame, MODEL.classes["pump"], without=("id",))
PACE = Pace(grace=60 * SECOND, idle_s=100.0)
Batch = list[tuple[str, pl.DataFrame]]


class KilledError(Exception):
    """Stands for kill -9."""


class DyingFiles(Files):
    """Dies at the nth step; a file that was being written then is half there."""

    def __init__(self, root: Path, steps: int) -> None:
        super().__init__(root)
        self.steps = steps

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise KilledError

    def prepare(self, path: PurePath, write: Callable[[BinaryIO], object]) -> None:
        if self.steps == 0:
            content = io.BytesIO()
            write(content)
            super().prepare(path, lambda out: out.write(content.getvalue()[: len(content.getvalue()) // 2]))
        self._step()
        super().prepare(path, write)

    def publish(self, path: PurePath) -> None:
        self._step()
        super().publish(path)

    def sync(self, folder: PurePath) -> None:
        self._step()
        super().sync(folder)

    def remove(self, path: PurePath) -> None:
        self._step()
        super().remove(path)


def frames(*events: dict[str, Any], partition: int = 3) -> Batch:
    rows = pl.DataFrame(events, schema=SCHEMA).with_columns(partition=pl.lit(partition, pl.Int32))
    return [("pump", rows)]


def contents(lake: Path) -> list[tuple[str, int, int, float]]:
    files = sorted((lake / "raw").rglob("*.parquet"))
    columns = ["asset", pl.col("time").dt.epoch("us"), "revision", "tag_flow"]
    return [row for file in files for row in pl.read_parquet(file, hive_partitioning=False).select(columns).rows()]


def test_an_hour_becomes_a_file_when_event_time_has_passed_it(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path), PACE)
    lake.append(frames(frame(0), frame(1), frame(2, revision=1)), 0.0)
    lake.append(frames(frame(2), frame(2_810)), 1.0)
    assert lake.close_due(1.0) == 0
    lake.append(frames(frame(2_920)), 2.0)
    assert lake.close_due(2.0) == 1
    (file,) = (tmp_path / "raw").rglob("*.parquet")
    assert file.relative_to(tmp_path) == Path("raw/pump/date=2023-11-14/hour=22/p3.parquet")
    assert [row[1:3] for row in contents(tmp_path)] == [(T0, 0), (T0 + SECOND, 0), (T0 + 2 * SECOND, 1)]
    assert lake.close_due(200.0) == 1, "silence ends an hour, too"
    assert len(contents(tmp_path)) == 5


def test_late_frames_are_merged_into_the_file_and_new_tags_become_columns(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path), PACE)
    lake.append(frames(frame(5)), 0.0)
    lake.close_all()
    bigger = plant(tags={"flow": {}, "power": {}})
    late = pl.DataFrame(
        [frame(4, values={"flow": 1.0, "power": 2.0}, status={"flow": 7})],
        schema=event_schema(Frame, bigger.classes["pump"], without=("id",)),
    )
    lake.append([("pump", late.with_columns(partition=pl.lit(3, pl.Int32)))], 1.0)
    lake.close_all()
    (file,) = (tmp_path / "raw").rglob("*.parquet")
    rows = pl.read_parquet(file)
    assert rows.select("asset", "sequence", "tag_flow", "tag_power", "tag_starts").rows() == [
        (PUMP, 4, 1.0, 2.0, None),
        (PUMP, 5, 5 / 8, None, 5),
    ]
    assert json.loads(rows["status"][0])["flow"] == 7


def test_many_segments_are_merged_while_their_hour_is_open(tmp_path: Path) -> None:
    lake = Lake(Files(tmp_path), PACE, fan_in=4)
    for index in range(64):
        lake.append(frames(frame(index)), 0.0)
        lake.close_due(0.0)
    assert len(list((tmp_path / ".open").glob("*@*"))) < 12
    lake.close_all()
    assert len(contents(tmp_path)) == 64
    assert not list((tmp_path / ".open").glob("*@*"))


@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=4), max_size=6),
    deaths=st.lists(st.integers(0, 25), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_kill_at_any_step_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int]]], deaths: list[int]
) -> None:
    """Each batch is given again until it was kept once, as Kafka does with what is not committed."""
    root = tmp_path_factory.mktemp("lake")
    spaced = [[frame(n * 1_800, revision=r) for n, r in batch] for batch in batches]
    wanted: dict[int, int] = {}
    for event in (event for batch in spaced for event in batch):
        wanted[event["time"]] = max(event["revision"], wanted.get(event["time"], 0))
    kept = 0
    for steps in [*deaths, 10_000]:
        lake = Lake(DyingFiles(root, steps), PACE, fan_in=2)
        with _dying():
            lake.own([3], 0.0)
            while kept < len(spaced):
                lake.append(frames(*spaced[kept]), 0.0)
                kept += 1
                lake.close_due(0.0)
            lake.close_all()
    assert [(time, revision) for _, time, revision, _ in contents(root)] == sorted(wanted.items())
    assert {path.suffix for path in (root / ".open").glob("*")} <= {".lock"}


@contextmanager
def _dying() -> Iterator[None]:
    try:
        yield
    except KilledError:
        return


def test_a_worker_takes_over_what_another_left_open_but_not_while_it_is_at_it(tmp_path: Path) -> None:
    left = Lake(Files(tmp_path), PACE)
    left.append(frames(frame(0)) + frames(frame(1), partition=4), 0.0)
    taken = Lake(Files(tmp_path), PACE)
    taken.own([3], 0.0)
    with Files(tmp_path).locked(PurePath(".open/p3.lock")) as held:
        assert held
        assert taken.close_all() == 0
    assert taken.close_all() == 1
    assert len(contents(tmp_path)) == 1, "partition 4 is not its own"


class FullDisk(Files):
    def prepare(self, path: PurePath, write: Callable[[BinaryIO], object]) -> None:
        raise NoRoomError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_refuses_and_keeps_what_there_is(tmp_path: Path) -> None:
    Lake(Files(tmp_path), PACE).append(frames(frame(0)), 0.0)
    full = Lake(FullDisk(tmp_path), PACE)
    full.own([3], 0.0)
    with pytest.raises(NoRoomError):
        full.append(frames(frame(1)), 0.0)
    with pytest.raises(NoRoomError):
        full.close_all()
    roomy = Lake(Files(tmp_path), PACE)
    roomy.own([3], 0.0)
    roomy.append(frames(frame(1)), 0.0)
    assert roomy.close_all() == 1
    assert len(contents(tmp_path)) == 2


def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="ANDON_HISTORIAN__LAKE__DIRECTORY"):
        Files(tmp_path / "file" / "lake")
