"""Raw frames into files that are complete: small segments as batches come, one Parquet file when an hour is over.

A batch is durable when its segments are; then its offsets may be committed. When an hour is over, its segments and the
file that may be there already become one new file. A crash leaves segments whose rows are in the file, too, or a
temporary file that nobody reads: merging again takes each frame once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Literal

import polars as pl

from services.historian.lake.files import Files, NoRoomError
from services.historian.lake.hours import HOUR, OPEN, Hour, Segment, divided, segment_at
from services.historian.lake.merging import merge

#: Segments of a level that become one of the next: each row is written some four times before its hour is over.
_FAN_IN = 32


@dataclass(frozen=True, slots=True)
class Pace:
    """When an hour is over.

    Attributes:
        grace: how far event time must be behind its end, microseconds.
        idle_s: seconds without anything new after which it is over in any case.
    """

    grace: int
    idle_s: float


class Lake:
    """The open hours of the partitions that this worker owns. Not to be used by two threads at once.

    Args:
        files: where they lie.
        pace: when an hour is over.
        fan_in: segments of an hour that are merged into a larger one.
    """

    def __init__(self, files: Files, pace: Pace, *, fan_in: int = _FAN_IN) -> None:
        self._files, self._pace, self._fan_in = files, pace, fan_in
        self._touched: dict[Hour, float] = {}
        self._reached: dict[int, int] = {}
        self._session, self._count = os.urandom(8).hex(), 0

    def own(self, partitions: Iterable[int], now_s: float) -> None:
        """Take over the open hours of *partitions*, whoever began them, and forget those of all others."""
        owned = set(partitions)
        self._touched = {each.hour: now_s for each in self._segments() if each.hour.partition in owned}
        self._reached = {number: reached for number, reached in self._reached.items() if number in owned}
        for path in self._files.leftovers(OPEN):
            torn = segment_at(path)
            if torn and torn.hour.partition in owned:
                self._files.discard(path)

    def append(self, frames: Iterable[tuple[str, pl.DataFrame]], now_s: float) -> None:
        """Keep decoded frames by asset class; when this returns, they are on the disk.

        Args:
            frames: asset class, and columns of `Frame` and `partition`.
            now_s: seconds of a clock that never steps.

        Raises:
            NoRoomError: the disk is full; the same frames can be given again.
        """
        parts = [part for name, rows in frames for part in divided(name, rows)]
        paths = [hour.segment(0, self._token()) for hour, _ in parts]
        try:
            for path, (_, rows) in zip(paths, parts, strict=True):
                self._files.prepare(path, partial(rows.write_ipc, compression="lz4"))
        except NoRoomError:
            for path in paths:
                self._files.discard(path)
            raise
        for path in paths:
            self._files.publish(path)
        if paths:
            self._files.sync(OPEN)
        for hour, rows in parts:
            self._touched[hour] = now_s
            last = rows["time"].dt.epoch("us").max()
            self._reached[hour.partition] = max(self._reached.get(hour.partition, 0), int(str(last)))

    def close_due(self, now_s: float) -> int:
        """Write the files of hours that are over, merge what has become many segments; return how many were written.

        Raises:
            NoRoomError: the disk is full; nothing is lost.
        """
        return self._close([hour for hour in self._touched if self._is_over(hour, now_s)])

    def close_all(self) -> int:
        """Write the files of all open hours, and return how many they were.

        Raises:
            NoRoomError: the disk is full; nothing is lost.
        """
        return self._close(list(self._touched))

    def _close(self, over: Sequence[Hour]) -> int:
        segments: dict[Hour, list[Segment]] = {}
        for segment in self._segments():
            segments.setdefault(segment.hour, []).append(segment)
        closed = [hour for hour in over if self._close_hour(hour)]
        for hour in self._touched.keys() - set(closed):
            self._compact(hour, segments.get(hour, ()))
        for hour in closed:
            del self._touched[hour]
        return len(closed)

    def _is_over(self, hour: Hour, now_s: float) -> bool:
        passed = self._reached.get(hour.partition, 0) >= hour.start + HOUR + self._pace.grace
        return passed or now_s - self._touched[hour] >= self._pace.idle_s

    def _close_hour(self, hour: Hour) -> bool:
        with self._files.locked(hour.lock) as held:
            if held:
                # Listed under the lock and before the file is read: whoever removed a segment has put it in there.
                segments = [each.path for each in self._segments() if each.hour == hour]
                self._merge(segments, hour, hour.path)
        return held

    def _compact(self, hour: Hour, segments: Sequence[Segment]) -> None:
        levels: Mapping[int, list[PurePath]] = {each.level: [] for each in segments}
        for each in segments:
            levels[each.level].append(each.path)
        for level, paths in levels.items():
            if len(paths) >= self._fan_in:
                with self._files.locked(hour.lock) as held:
                    if held:
                        self._merge(paths, hour, hour.segment(level + 1, self._token()))

    def _merge(self, sources: Sequence[PurePath], hour: Hour, target: PurePath) -> None:
        parts = [_scan(place) for path in (target, *sources) if (place := self._files.place(path))]
        if not sources or not parts:
            return
        compression: Literal["lz4", "zstd"] = "zstd" if target == hour.path else "lz4"
        self._files.prepare(target, lambda out: merge(parts, hour.start, out, compression))
        self._files.publish(target)
        self._files.sync(target.parent)
        for path in sources:
            self._files.remove(path)

    def _segments(self) -> list[Segment]:
        return [segment for path in self._files.names(OPEN) if (segment := segment_at(path)) is not None]

    def _token(self) -> str:
        self._count += 1
        return f"{self._count:08}-{self._session}"


def _scan(place: Path) -> pl.LazyFrame:
    if place.suffix == ".parquet":
        return pl.scan_parquet(place, hive_partitioning=False)
    return pl.scan_ipc(place, hive_partitioning=False)
