"""The source on a clock of its own: what comes when, and under which time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from pydantic import ValidationError

from andon.contracts import Frame, PlantEvent
from andon.contracts.ids import event_id
from andon.errors import RecordingError
from andon.plant.columns import event_schema
from andon.recordings.findings import Problem
from andon.telemetry import Metrics
from andon.uns import Stage
from services.ingest.readings import Readings, Refusal, Signals
from services.ingest.recording.config import RecordingConfig
from services.ingest.recording.position import Position
from services.ingest.recording.source import GRANULARITY, MAX_ROWS, RecordingSource, Replay, open_configured
from tests.recordings.recordings import PLANT, SECOND, START, flows, mapping, rows, seconds, write

NOW = START + 10**15


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def configured(folder: Path, spec: Any = None, **options: Any) -> RecordingConfig:
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump((spec or mapping()).model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    told = {"name": "history", "kind": "recording", "folder": folder, "mapping": path}
    return RecordingConfig.model_validate({**told, **options})


def source(folder: Path, time: Time, spec: Any = None, begun: Position | None = None, **options: Any) -> Replay:
    config = configured(folder, spec, **options)
    return Replay(open_configured(config, PLANT), config, begun, clock=time.clock, sleep=time.sleep)


async def batches_of(replay: Replay) -> AsyncIterator[pl.DataFrame]:
    async for release in replay:
        for name, frames in release.batches:
            assert name == "pump"
            assert 0 < frames.height <= MAX_ROWS
            yield frames


async def replayed(replay: Replay, at_least: int = 2**31) -> pl.DataFrame:
    """Frames of pumps, until there are enough."""
    batches: list[pl.DataFrame] = []
    async for frames in batches_of(replay):
        batches.append(frames)
        if sum(batch.height for batch in batches) >= at_least:
            break
    return pl.concat(batches)


async def test_a_frame_keeps_the_contract(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(1, 2), _1=rows(3))
    replay = source(tmp_path, Time(), speed="max")
    frames = await replayed(replay)
    assert frames.schema == pl.Schema(event_schema(Frame, PLANT.classes["pump"]))
    events = [Frame.model_validate_json(line) for line in frames.write_ndjson().splitlines()]
    assert [event.id for event in events] == [event_id(e.asset, e.time, Stage.RAW, "1") for e in events]
    assert {event.origin for event in events} == {"backfill"}


async def test_each_asset_counts_in_its_own_session(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(5_000)), _1=rows(*range(300), start=60))
    frames = await replayed(source(tmp_path, Time(), speed="max"))
    for (asset,), own in frames.group_by("asset"):
        assert own["sequence"].to_list() == list(range(own.height))
        assert own["session"].unique().to_list() == [f"history-{NOW}/{asset}"]
    assert frames["time"].is_sorted()


@pytest.mark.parametrize("speed", [1, 4, 0.5])
async def test_frames_come_when_they_are_due(tmp_path: Path, speed: float) -> None:
    write(tmp_path, _0=rows(*range(5)))
    frames = await replayed(source(tmp_path, Time(), speed=speed))
    assert frames["ingest_time"].to_list() == [NOW + round(i * SECOND / speed) for i in range(5)]
    assert seconds(frames) == [0, 1, 2, 3, 4]


async def test_at_max_speed_nobody_waits(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(3_000)))
    time = Time()
    frames = await replayed(source(tmp_path, time, speed="max"))
    assert frames.height == 3_000
    assert time.now == NOW


async def test_close_frames_go_together_and_none_waits_longer_than_the_granularity(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(3_000)))
    batches = [batch async for batch in batches_of(source(tmp_path, Time(), speed=1_000))]
    frames = pl.concat(batches)
    delays = ((frames["ingest_time"] - NOW) - (frames["time"] - START) // 1_000).to_list()
    assert len(batches) == 3 * SECOND // GRANULARITY + 1
    assert min(delays) >= 0
    assert max(delays) <= GRANULARITY


async def test_a_slow_consumer_finds_all_that_fell_due(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(10)))
    time = Time()
    heights = []
    async for frames in batches_of(source(tmp_path, time)):
        heights.append(frames.height)
        time.now += 4 * SECOND
    assert heights == [1, 4, 4, 1]


async def test_a_fleet_at_one_instant_still_comes_in_bounded_batches(tmp_path: Path) -> None:
    text = "t,flow,n\n" + "".join(f"2024-01-01T00:00:00Z,{i},{i % 4}\n" for i in range(5_000))
    spec = mapping(assets=[{"asset": "hall/pump-{n}", "columns": {"flow": "flow"}}])
    replay = source(write(tmp_path, _0=text), Time(), spec)
    assert flows(await replayed(replay)) == list(range(5_000))
    assert {finding.problem for finding in replay.findings} == {Problem.REPEATED}


@pytest.mark.parametrize("speed", [1, 4])
async def test_times_of_now_are_when_frames_are_due(tmp_path: Path, speed: float) -> None:
    write(tmp_path, _0=rows(*range(4)))
    replay = source(tmp_path, Time(), times="now", speed=speed)
    frames = await replayed(replay)
    assert frames["time"].to_list() == [NOW + round(i * SECOND / speed) for i in range(4)]
    assert frames["id"].to_list() == [event_id("hall/pump-0", time, Stage.RAW, "1") for time in frames["time"]]
    assert frames["origin"].unique().to_list() == ["live"]


async def test_a_loop_goes_on_at_the_next_scan(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(1, 2))
    frames = await replayed(source(tmp_path, Time(), times="now", loop=True), at_least=6)
    assert flows(frames) == [1, 2, 1, 2, 1, 2]
    assert frames["time"].to_list() == [NOW + i * SECOND for i in range(6)]
    assert frames["sequence"].to_list() == list(range(6))


async def test_the_same_recording_makes_the_same_ids_again(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(1, 2), _1=rows(3, 4))
    first, second = [await replayed(source(tmp_path, Time(), speed=speed)) for speed in ("max", 1)]
    assert first["id"].to_list() == second["id"].to_list()


async def test_what_was_wrong_is_known_afterwards(tmp_path: Path) -> None:
    replay = source(write(tmp_path, _0=rows(1, "x", "NaN")), Time(), speed="max")
    assert flows(await replayed(replay)) == [1, None, None]
    assert {finding.problem for finding in replay.findings} == {Problem.UNREADABLE, Problem.NON_FINITE}


async def test_a_loop_over_nothing_ends(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no row of the recording gives a frame: skip fewer rows"):
        await replayed(source(write(tmp_path, _0=rows(1)), Time(), times="now", loop=True, skip_rows_per_file=1))


@pytest.mark.parametrize("speed", ["max", 1, 0.1, "10"])
def test_speeds(tmp_path: Path, speed: object) -> None:
    assert configured(tmp_path, speed=speed).speed == (speed if speed == "max" else float(str(speed)))


@pytest.mark.parametrize(
    ("options", "stage"),
    [({}, "backfill"), ({"to": "raw"}, "raw"), ({"times": "now"}, "raw"), ({"times": "now", "to": "raw"}, "raw")],
)
def test_history_goes_to_backfill_unless_it_is_rehearsed(tmp_path: Path, options: dict[str, str], stage: str) -> None:
    assert configured(tmp_path, **options).stage == stage


async def test_newest_first_goes_back_by_stretches_that_ascend(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(7)))
    frames = await replayed(source(tmp_path, Time(), order="newest", stretch_rows=3, speed="max"))
    assert flows(frames) == [6, 3, 4, 5, 0, 1, 2]


async def test_newest_first_keeps_to_the_rows_that_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(9)))
    wanted: dict[str, Any] = {"skip_rows_per_file": 1, "max_rows_per_file": 5}
    frames = await replayed(source(tmp_path, Time(), order="newest", stretch_rows=3, speed="max", **wanted))
    assert flows(frames) == [4, 5, 1, 2, 3]


async def test_the_rate_is_kept_whatever_the_speed(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(1_000)))
    time = Time()
    frames = await replayed(source(tmp_path, time, speed="max", rate=100))
    sent = ((frames["ingest_time"] - NOW) / SECOND).to_list()
    assert all(index / 100 - 0.02 <= at <= index / 100 + 0.1 for index, at in enumerate(sent))


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("out", [1, 999, 2_000, 4_999])
async def test_a_resumed_replay_goes_on_at_the_next_frame(tmp_path: Path, order: str, out: int) -> None:
    write(tmp_path, _0=rows(*range(3_000)), _1=rows(*range(2_000), start=60))
    options: dict[str, Any] = {"order": order, "speed": "max", "stretch_rows": 700}
    whole = await replayed(source(tmp_path, Time(), **options))
    later = Time()
    later.now += 3_600 * SECOND
    rest = await replayed(source(tmp_path, later, begun=Position(f"history-{NOW}", out), **options))
    left = whole.tail(rest.height)
    # frames of one instant go together, so at most the other asset's frame of the last instant is sent again
    assert whole.height - out <= rest.height <= whole.height - out + 1
    assert rest.drop("ingest_time").equals(left.drop("ingest_time"))


class Taking:
    """An intake that takes frames until it is killed."""

    def __init__(self, until: int = 2**31) -> None:
        self.frames: list[pl.DataFrame] = []
        self.stages: set[Stage] = set()
        self._until = until

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        if self.count >= self._until:
            raise KilledError
        self.stages.add(stage)
        self.frames.append(rows)

    @property
    def count(self) -> int:
        return sum(each.height for each in self.frames)

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        raise AssertionError

    async def refuse(self, refusal: Refusal) -> None:
        raise AssertionError

    async def tell(self, event: PlantEvent) -> None:
        raise AssertionError

    def expect(self, signals: Iterable[int], now: int) -> None:
        raise AssertionError

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        raise AssertionError


class KilledError(Exception):
    """The process ended here."""


async def run(config: RecordingConfig, intake: Taking) -> Taking:
    await RecordingSource(config, Signals(PLANT), PLANT, Metrics("ingest")).run(intake)
    return intake


async def test_what_the_broker_has_is_not_sent_again_after_a_kill_and_the_end_is_remembered(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(3_500)))
    config = configured(tmp_path, speed="max", resume=tmp_path / "position.json")
    killed, second = Taking(until=1), Taking()
    with pytest.raises(KilledError):
        await run(config, killed)
    await run(config, second)
    assert flows(pl.concat([*killed.frames, *second.frames])) == list(range(3_500))
    assert killed.stages == second.stages == {Stage.BACKFILL}
    assert pl.concat([*killed.frames, *second.frames])["sequence"].to_list() == list(range(3_500))
    assert (await run(config, Taking())).count == 0


async def test_a_changed_recording_starts_over(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(*range(10)))
    config = configured(tmp_path, speed="max", resume=tmp_path / "position.json")
    assert (await run(config, Taking())).count == 10
    write(tmp_path, _0=rows(*range(12)))
    assert (await run(config, Taking())).count == 12


async def test_a_position_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, _0=rows(1))
    config = configured(tmp_path, speed="max", resume=tmp_path / "position.json")
    (tmp_path / "position.json").write_text("{")
    with pytest.raises(RecordingError, match="remove it to replay from the start"):
        await run(config, Taking())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"speed": 0}, "speed 0 is neither a number above 0"),
        ({"speed": "fast"}, "speed 'fast' is neither"),
        ({"speed": "nan"}, "speed 'nan' is neither"),
        ({"speed": True}, "speed True is neither"),
        ({"times": "later"}, "'original' or 'now'"),
        ({"times": "now", "speed": "max"}, "all frames would have the same time"),
        ({"times": "now", "to": "backfill"}, "times 'now' are live"),
        ({"times": "now", "resume": "position.json"}, "a moment that has passed does not come again"),
        ({"order": "newest"}, "order 'newest' has no pace of its own"),
        ({"loop": True}, "the same times would make the same event ids again"),
        ({"rate": 0}, "greater than 0"),
        ({"skip_rows_per_file": -1}, "greater than or equal to 0"),
        ({"max_rows_per_file": 0}, "greater than or equal to 1"),
        ({"session": "s"}, "not permitted"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        configured(tmp_path, **options)
