"""The recording source: a recording as a finite or endless stream of paced batches of frames."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from andon.clock import MILLISECOND, SECOND, Clock, wall_clock
from andon.contracts import Origin
from andon.errors import RecordingError
from andon.plant import Plant
from andon.recordings import Recording, describe, load_mapping, open_recording
from andon.recordings.findings import Findings, Problem
from andon.recordings.frames import Chunk
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.readings import Signals
from services.ingest.recording.config import RecordingConfig
from services.ingest.recording.order import newest_first, oldest_first
from services.ingest.recording.pace import Pace, Times, released
from services.ingest.recording.position import Position, PositionFile, digest_of
from services.ingest.session import Session
from services.ingest.source import Intake

_log = get_logger(__name__)

#: Waits for a number of seconds.
Sleep = Callable[[float], Awaitable[None]]

#: Largest number of frames in a batch.
MAX_ROWS = 2_000
#: Shortest wait between batches, microseconds: frames that fall due within it go together.
GRANULARITY = 20 * MILLISECOND


@dataclass(frozen=True, slots=True)
class Release:
    """Frames that are due.

    Attributes:
        batches: (asset class, frames), with the columns of `event_schema(Frame, ...)`.
        done: how many frames, in the replay's order, are out with these.
    """

    batches: list[tuple[str, pl.DataFrame]]
    done: int


class Replay:
    """A recording's frames as they fall due.

    Iterating yields a `Release` at a time: in the replay's order, at most `MAX_ROWS` frames of a class at once. A
    consumer that is slower than the pace is not overrun: what fell due meanwhile is there at its next step.

    Args:
        recording: what to replay.
        config: how.
        begun: name of the session, and how many frames are out already; None begins anew.
        clock: microseconds UTC.
        sleep: waits.

    Attributes:
        findings: what was wrong with the rows so far.
        session: name of the session.
    """

    def __init__(
        self,
        recording: Recording,
        config: RecordingConfig,
        begun: Position | None = None,
        *,
        clock: Clock = wall_clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.findings = Findings()
        self._recording, self._config, self._clock, self._sleep = recording, config, clock, sleep
        self._origin = Origin.LIVE if config.times == "now" else Origin.BACKFILL
        self._speed = math.inf if config.speed == "max" else config.speed
        self.session = begun.session if begun else f"{config.name}-{clock()}"
        self._out = begun.frames if begun else 0
        self._room_at = 0

    async def __aiter__(self) -> AsyncIterator[Release]:
        """Replay to the end; for ever when the configuration says so.

        Raises:
            RecordingError: a file cannot be read further, or no row of any file gives a frame.
        """
        started, session = self._clock(), Session(self.session, self._recording.plant)
        while True:
            pace, last, before = None, 0, 0
            async for frames in self._chunks():
                first, newest = _span(frames)
                last = max(last, newest)
                height = sum(rows.height for rows in frames.values())
                if before + height > self._out:
                    pace = pace or Pace(self._speed, self._first_time(frames, first, before), started)
                ready = {
                    name: session.stamp(name, self._timed(rows, pace), self._origin) for name, rows in frames.items()
                }
                if pace is not None:
                    async for release in self._paced(frames, ready, pace, before):
                        yield release
                before += height
            if not before:
                raise RecordingError("no row of the recording gives a frame: skip fewer rows, or correct the mapping")
            if not self._config.loop or pace is None:
                return
            scan = max(each.scan for each in self._recording.plant.classes.values())
            started, self._out = pace.due(last + scan), 0

    def _first_time(self, frames: Mapping[str, pl.DataFrame], first: int, before: int) -> int:
        """Return the time of the first frame that is not out: the pace begins there."""
        skipped = self._out - before
        return int(_every(_times(frames))[skipped]) if skipped > 0 else first

    async def _chunks(self) -> AsyncIterator[Mapping[str, pl.DataFrame]]:
        """Read in a thread, so that the event loop goes on meanwhile."""
        chunks = self._ordered()
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            self.findings += chunk.findings
            if chunk.frames:
                yield chunk.frames

    def _ordered(self) -> Iterator[Chunk]:
        if self._config.order == "newest":
            return newest_first(self._recording, self._config.stretch_rows)
        return oldest_first(self._recording)

    async def _paced(
        self, recorded: Mapping[str, pl.DataFrame], frames: Mapping[str, pl.DataFrame], pace: Pace, before: int
    ) -> AsyncIterator[Release]:
        """Yield frames, of which *recorded* holds the recorded times, as they fall due."""
        times = _times(recorded)
        every = _every(times)
        done = max(self._out - before, 0)
        while done < every.size:
            now = self._clock()
            upto = released(every, done, pace.reached(now), self._most()) if now >= self._room_at else done
            if upto == done:
                due = max(pace.due(int(every[done])), self._room_at)
                await self._sleep(max(due - now, GRANULARITY) / SECOND)
                continue
            yield Release(list(self._cut(times, frames, every, done, upto)), before + upto)
            self._note_rate(upto - done, now)
            done = upto
        self._out = max(self._out, before + every.size)

    def _cut(
        self, times: Mapping[str, Times], frames: Mapping[str, pl.DataFrame], every: Times, done: int, upto: int
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        emitted = pl.lit(self._clock(), dtype=pl.Int64).alias("ingest_time")
        for name, rows in frames.items():
            first = int(np.searchsorted(times[name], every[done], side="left"))
            last = int(np.searchsorted(times[name], every[upto - 1], side="right"))
            for batch in rows[first:last].iter_slices(MAX_ROWS):
                yield name, batch.with_columns(emitted)

    def _timed(self, rows: pl.DataFrame, pace: Pace | None) -> pl.DataFrame:
        """Return rows under the times at which they are due, where that is wanted."""
        if self._origin is not Origin.LIVE or pace is None:
            return rows
        return rows.with_columns(pl.Series("time", pace.due_times(rows["time"].to_numpy())))

    def _most(self) -> int:
        """Return how many frames may go out at once."""
        rate = self._config.rate
        return MAX_ROWS if rate is None else max(1, min(MAX_ROWS, round(rate * GRANULARITY / SECOND)))

    def _note_rate(self, count: int, now: int) -> None:
        if self._config.rate is not None:
            self._room_at = max(self._room_at, now) + round(count / self._config.rate * SECOND)


class RecordingSource:
    """Replays a recording into the intake.

    Attributes:
        name: the source's name.
    """

    def __init__(
        self, config: RecordingConfig, signals: Signals, plant: Plant, metrics: Metrics, *, clock: Clock = wall_clock
    ) -> None:
        self.name = config.name
        self._config, self._metrics, self._clock = config, metrics, clock
        self._recording = open_configured(config, plant)
        self._file = _position_file(config, self._recording)
        self._unparsed = 0

    async def run(self, intake: Intake) -> None:
        """Deliver everything, from where a former replay has come to if it is to be resumed.

        Raises:
            RecordingError: a file cannot be read further, no row gives a frame, or the position cannot be kept.
        """
        begun = self._file.load() if self._file else None
        if begun and begun.ended:
            _log.info("the recording has been replayed before", source=self.name, frames=begun.frames)
            return
        replay = Replay(self._recording, self._config, begun, clock=self._clock)
        position = begun or Position(replay.session)
        _log.info("replaying", source=self.name, recording=self._config.folder.name, from_frame=position.frames)
        async for release in replay:
            for asset_class, rows in release.batches:
                await intake.replay(Stage(self._config.stage), asset_class, rows)
            self._count(replay.findings)
            position = replace(position, frames=release.done)
            self._keep(position)
        self._keep(replace(position, ended=True))
        for finding in describe(replay.findings):
            _log.warning("recording", source=self.name, finding=finding)
        _log.info("the recording has ended", source=self.name, frames=position.frames)

    def _keep(self, position: Position) -> None:
        if self._file:
            self._file.save(position)

    def _count(self, findings: Findings) -> None:
        """Count values that became missing."""
        found = sum(
            count for each, count in findings.items() if each.problem in (Problem.UNREADABLE, Problem.NON_FINITE)
        )
        self._metrics.count("andon_source_unparsed_total", found - self._unparsed, source=self.name)
        self._unparsed = found


def open_configured(config: RecordingConfig, plant: Plant) -> Recording:
    """Read the mapping and check the recording.

    Raises:
        RecordingError: says which file, column or field is wrong, and what to do.
    """
    return open_recording(
        config.folder,
        load_mapping(config.mapping),
        plant,
        skip_rows=config.skip_rows_per_file,
        max_rows=config.max_rows_per_file,
    )


def _position_file(config: RecordingConfig, recording: Recording) -> PositionFile | None:
    if config.resume is None:
        return None
    ordering = config.model_dump_json(include={"order", "stretch_rows", "skip_rows_per_file", "max_rows_per_file"})
    files = [*(file.path for file in recording.files), config.mapping]
    return PositionFile(config.resume, digest_of(files, ordering))


def _times(frames: Mapping[str, pl.DataFrame]) -> dict[str, Times]:
    return {name: rows["time"].to_numpy() for name, rows in frames.items()}


def _every(times: Mapping[str, Times]) -> Times:
    return np.sort(np.concatenate(list(times.values())))


def _span(frames: Mapping[str, pl.DataFrame]) -> tuple[int, int]:
    """Return the first and the last time of frames in time order."""
    times = [rows["time"] for rows in frames.values()]
    return min(int(each[0]) for each in times), max(int(each[-1]) for each in times)
