"""Files that overlap in time, merged into one stream in event-time order, so that a fleet replays together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from andon.recordings.findings import Finding, Findings, Problem
from andon.recordings.frames import Chunk

_FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Stream:
    """Chunks of one file, opened only when it is its turn.

    Attributes:
        name: the file's name, for findings.
        begins: time of its first frame.
        open: starts reading; chunks come in time order, rows within a chunk need not.
    """

    name: str
    begins: int
    open: Callable[[], Iterator[Chunk]]


def merge(streams: Sequence[Stream]) -> Iterator[Chunk]:
    """Yield the frames of all streams in ascending time, those of equal times in the order of the streams.

    One chunk is held for each stream that overlaps the current time, no more. A frame that is older than
    what is already out, because its stream is not in time order, comes next and is counted as late.
    """
    waiting = sorted(enumerate(streams), key=lambda ranked: ranked[1].begins, reverse=True)
    readers: list[_Reader] = []
    findings = Findings()
    newest = 0
    while waiting or readers:
        horizon = min((reader.until for reader in readers), default=_FOREVER)
        if waiting and waiting[-1][1].begins <= horizon:
            readers = sorted([*readers, _Reader(*waiting.pop())], key=lambda reader: reader.rank)
        else:
            frames = _join([reader.release(horizon) for reader in readers])
            yield Chunk(frames, findings + _repeated(frames))
            newest, findings = max(newest, horizon), Findings()
        for reader in readers:
            if not reader.pending:
                findings += reader.advance(newest)
        readers = [reader for reader in readers if reader.pending]
    if findings:
        yield Chunk({}, findings)


class _Reader:
    """A stream being read: its frames that are not out yet, none at its end."""

    def __init__(self, rank: int, stream: Stream) -> None:
        self.rank = rank
        self.pending: dict[str, pl.DataFrame] = {}
        self.until = 0
        self._name = stream.name
        self._chunks = stream.open()

    def advance(self, newest: int) -> Findings:
        """Take the next chunk that holds frames; return what was wrong on the way to it."""
        findings = Findings()
        for chunk in self._chunks:
            findings += chunk.findings
            self.pending = {name: _in_order(rows) for name, rows in chunk.frames.items() if rows.height}
            if self.pending:
                self.until = max(int(rows["time"][-1]) for rows in self.pending.values())
                late = sum(int((rows["time"] < newest).sum()) for rows in self.pending.values())
                return findings + Findings({Finding(self._name, Problem.LATE): late})
        return findings

    def release(self, horizon: int) -> dict[str, pl.DataFrame]:
        """Take out the frames up to a time."""
        out, kept = {}, {}
        for name, rows in self.pending.items():
            count = int(rows["time"].search_sorted(horizon, side="right"))
            out[name], kept[name] = rows[:count], rows[count:]
        self.pending = {name: rows for name, rows in kept.items() if rows.height}
        return out


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows if rows["time"].is_sorted() else rows.sort("time", maintain_order=True)


def _join(parts: Sequence[dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    tables: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        for name, rows in part.items():
            if rows.height:
                tables.setdefault(name, []).append(rows)
    return {name: _in_order(pl.concat(found)) for name, found in tables.items()}


def _repeated(frames: dict[str, pl.DataFrame]) -> Findings:
    """Count rows whose asset already has their time."""
    findings = Findings()
    for rows in frames.values():
        again = rows.filter((pl.col("time").diff() == 0).over("asset"))["asset"]
        findings.update({Finding(asset, Problem.REPEATED): count for asset, count in again.value_counts().iter_rows()})
    return findings
