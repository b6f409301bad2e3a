"""The recording source: a recording as a finite or endless stream of paced batches of frames."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import numpy as np
import polars as pl

from andon.clock import MILLISECOND, SECOND, Clock, wall_clock
from andon.contracts import Origin
from andon.errors import RecordingError
from andon.plant import Plant
from andon.recordings.findings import Findings
from andon.recordings.mapping import load_mapping
from andon.recordings.merge import merge
from andon.recordings.recording import Recording, open_recording
from services.ingest.pace import Pace, Times, released
from services.ingest.session import Session
from services.ingest.settings import IngestSettings

#: Waits for a number of seconds.
Sleep = Callable[[float], Awaitable[None]]

#: Largest number of frames in a batch.
MAX_ROWS = 2_000
#: Shortest wait between batches, microseconds: frames that fall due within it go together.
GRANULARITY = 20 * MILLISECOND


class RecordingSource:
    """Replays a recording.

    Iterating yields (asset class, frames) when they are due: in time order, at most `MAX_ROWS` at once, with the
    columns of `event_schema(Frame, ...)`. A consumer that is slower than the pace is not overrun: what fell
    due meanwhile is there at its next step.

    Attributes:
        findings: what was wrong with the rows so far.
    """

    def __init__(
        self,
        recording: Recording,
        settings: IngestSettings,
        *,
        clock: Clock = wall_clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.findings = Findings()
        self._origin = Origin.LIVE if settings.times == "now" else Origin.BACKFILL
        self._recording = recording
        self._speed = math.inf if settings.speed == "max" else settings.speed
        self._loop = settings.loop
        self._name = settings.session
        self._clock = clock
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[tuple[str, pl.DataFrame]]:
        """Replay once, or for ever; each iteration is a session of its own.

        Raises:
            RecordingError: a file cannot be read further, or no row of any file gives a frame.
        """
        recording = self._recording
        started = self._clock()
        session = Session(f"{self._name}-{started}", recording.plant, self._origin)
        while True:
            pace, last = None, 0
            async for frames in self._chunks():
                first, newest = _span(frames)
                pace, last = pace or Pace(self._speed, first, started), max(last, newest)
                times = {name: rows["time"].to_numpy() for name, rows in frames.items()}
                ready = {name: session.stamp(name, self._timed(rows, pace)) for name, rows in frames.items()}
                async for batch in self._paced(times, ready, pace):
                    yield batch
            if pace is None:
                raise RecordingError("no row of the recording gives a frame: skip fewer rows, or correct the mapping")
            if not self._loop:
                return
            scan = max(each.scan for each in recording.plant.classes.values())
            started = pace.due(last + scan)

    async def _chunks(self) -> AsyncIterator[Mapping[str, pl.DataFrame]]:
        """Read in a thread, so that the event loop goes on meanwhile."""
        chunks = merge(self._recording.streams())
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            self.findings += chunk.findings
            if chunk.frames:
                yield chunk.frames

    def _timed(self, rows: pl.DataFrame, pace: Pace) -> pl.DataFrame:
        if self._origin is not Origin.LIVE:
            return rows
        return rows.with_columns(pl.Series("time", pace.due_times(rows["time"].to_numpy())))

    async def _paced(
        self, times: Mapping[str, Times], frames: Mapping[str, pl.DataFrame], pace: Pace
    ) -> AsyncIterator[tuple[str, pl.DataFrame]]:
        """Yield frames, of which *times* are the recorded times, as they fall due."""
        every = np.sort(np.concatenate(list(times.values())))
        done = 0
        while done < every.size:
            now = self._clock()
            upto = released(every, done, pace.reached(now), MAX_ROWS)
            if upto == done:
                await self._sleep(max(pace.due(int(every[done])) - now, GRANULARITY) / SECOND)
                continue
            for name, rows in frames.items():
                first = int(np.searchsorted(times[name], every[done], side="left"))
                last = int(np.searchsorted(times[name], every[upto - 1], side="right"))
                for batch in rows[first:last].iter_slices(MAX_ROWS):
                    yield name, batch.with_columns(pl.lit(self._clock(), dtype=pl.Int64).alias("ingest_time"))
            done = upto


def open_source(
    settings: IngestSettings, plant: Plant, *, clock: Clock = wall_clock, sleep: Sleep = asyncio.sleep
) -> RecordingSource:
    """Read the mapping, check the recording, and return its source.

    Raises:
        RecordingError: says which file, column or field is wrong, and what to do.
    """
    recording = open_recording(
        settings.recording,
        load_mapping(settings.mapping),
        plant,
        skip_rows=settings.skip_rows_per_file,
        max_rows=settings.max_rows_per_file,
    )
    return RecordingSource(recording, settings, clock=clock, sleep=sleep)


def _span(frames: Mapping[str, pl.DataFrame]) -> tuple[int, int]:
    """Return the first and the last time of frames in time order."""
    times = [rows["time"] for rows in frames.values()]
    return min(int(each[0]) for each in times), max(int(each[-1]) for each in times)
