"""Readings in, frames out.

All signals of an asset that are measured in one scan interval, by source time, make one frame. It goes out as soon as
every signal is in that came in the interval before, or when `hold` has passed since its first value arrived: a slow
signal never holds the fast ones for longer, and goes out in a frame of its own. No value replaces another: a tag's
second value in the same interval begins a second frame. Frames of an asset go out in ascending order, as far as their
readings have come in it.

A frame's time is the newest source time in it, or the next microsecond that no other frame of the asset has. So a
source that sends the same values again after a restart makes frames of the same ids, which count once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from andon.clock import SECOND, isoformat
from andon.contracts import DeadLetterReason, Origin
from andon.plant import Plant
from services.ingest.framing.carry import Carrier
from services.ingest.framing.clocked import TakenTimes
from services.ingest.framing.grouping import Groups, group
from services.ingest.framing.layout import Layout
from services.ingest.framing.table import Table, Tables, nothing_reported
from services.ingest.framing.times import NO_TIME, Future, Mask, Times, date
from services.ingest.framing.waiting import Arrivals, Numbers, Waiting
from services.ingest.readings import Readings, Refusal, Signals


@dataclass(frozen=True, slots=True)
class Framed:
    """What has become of readings.

    Attributes:
        frames: (asset class, origin, frames), with columns asset, time, server_time, values, status and carried; the
            frames of an asset are in the order of their times.
        refused: (source, refusal) of readings that must not be used.
        replaced: how many times were replaced, by source and reason.
        unparsed: how many values were none of their tag's kind, by source.
        ahead: largest source time minus arrival of live readings, microseconds, by source.
    """

    frames: Sequence[tuple[str, Origin, pl.DataFrame]] = ()
    refused: Sequence[tuple[int, Refusal]] = ()
    replaced: Counter[tuple[int, str]] = field(default_factory=Counter)
    unparsed: Counter[int] = field(default_factory=Counter)
    ahead: Mapping[int, int] = field(default_factory=dict)


class Framer:
    """Makes frames of the readings of all sources.

    Args:
        plant: the plant model.
        signals: what the readings' numbers stand for.
        future: what becomes of readings from the future.
        tolerance: how far ahead of our clock is no future yet, microseconds.
        hold: longest wait for the rest of a frame, microseconds; a class's scan interval when None.
    """

    def __init__(
        self,
        plant: Plant,
        signals: Signals,
        *,
        future: Future = Future.REFUSE,
        tolerance: int = 60 * SECOND,
        hold: int | None = None,
    ) -> None:
        self._layout = layout = Layout.of(plant, signals)
        self._signals, self._future, self._tolerance = signals, future, tolerance
        self._hold = layout.scan if hold is None else np.full_like(layout.scan, hold)
        classes = [plant.classes[name] for name in layout.classes]
        self._classes = classes
        self._tables = [Tables(each) for each in classes]
        self._carriers = [Carrier(each, len(layout.assets)) for each in classes]
        self._taken = TakenTimes(len(layout.assets))
        self._arrivals = Arrivals()
        self._waiting = self._arrivals.take()
        self._awaited = np.zeros(len(signals), np.bool_)
        self._awaited_count = np.zeros(len(layout.assets), np.int64)
        self._newest_bucket = np.full(len(layout.assets), -1, np.int64)
        self._confirmed = np.full(len(layout.assets), NO_TIME, np.int64)
        self._emitted_at = np.full(len(layout.assets), NO_TIME, np.int64)
        self._newest_time = np.full(len(layout.assets), NO_TIME, np.int64)

    def __len__(self) -> int:
        """Return how many readings are not out yet."""
        return len(self._arrivals) + len(self._waiting)

    @property
    def begun(self) -> Times:
        """When the readings arrived that `due` has left to wait."""
        return self._waiting.received

    @property
    def waits_for(self) -> int:
        """Number of the first batch, counted from 0, of which a reading has not been in a frame yet."""
        waiting, arrived = self._waiting.batch, self._arrivals.batches - self._arrivals.held
        return min(int(waiting.min()), arrived) if len(waiting) else arrived

    def add(self, batch: Readings, source: int = 0) -> int:
        """Take readings and return the number of their batch; *source* is a number that the outcome names."""
        self._arrivals.add(source, batch)
        return self._arrivals.batches - 1

    def confirm(self, signals: Iterable[int], now: int) -> None:
        """Take note that the source says of these signals that they have not changed."""
        numbers = np.fromiter(signals, np.int64)
        self._confirmed[self._layout.asset[numbers]] = now

    def due(self, now: int, *, all_of_it: bool = False) -> Framed:
        """Return the frames that wait no longer.

        Args:
            now: microseconds UTC.
            all_of_it: whether the rest is to go out, too: there will be no more readings.
        """
        fresh, outcome = self._date(self._arrivals.take())
        self._waiting = self._waiting.and_then(fresh) if len(self._waiting) else fresh
        frames = []
        if len(self._waiting):
            frames += self._release(now, outcome, all_of_it=all_of_it)
        frames += self._heartbeats(now)
        return replace(outcome, frames=frames)

    def _date(self, fresh: Waiting) -> tuple[Waiting, Framed]:
        dated = date(fresh.time, fresh.server, fresh.received, self._future, self._tolerance)
        replaced: Counter[tuple[int, str]] = Counter()
        reasons = {"absent": dated.absent, "absurd": dated.absurd}
        if self._future is Future.ARRIVAL:
            reasons["future"] = dated.ahead
        for reason, mask in reasons.items():
            for source, count in _counted(fresh.source[mask]).items():
                replaced[source, reason] += count
        refused = dated.ahead if self._future is Future.REFUSE else np.zeros_like(dated.ahead)
        refusals = [self._refusal(fresh, row) for row in np.flatnonzero(refused).tolist()]
        rows = fresh.dated(dated.time, dated.server)
        own = ~dated.absent & ~dated.absurd & ~fresh.history
        ahead = _largest(fresh.source[own], (fresh.time - fresh.received)[own])
        return (rows.at(~refused) if refusals else rows), Framed((), refusals, replaced, ahead=ahead)

    def _refusal(self, fresh: Waiting, row: int) -> tuple[int, Refusal]:
        asset, tag = self._signals.name(int(fresh.signal[row]))
        time, received = isoformat(int(fresh.time[row])), isoformat(int(fresh.received[row]))
        detail = f"{tag} has source time {time}, ahead of its arrival at {received}: correct the source's clock"
        value = repr(fresh.value[row]).encode()
        return int(fresh.source[row]), Refusal(f"{asset}/{tag}", DeadLetterReason.FUTURE_TIME, detail, value, asset)

    def _release(self, now: int, outcome: Framed, *, all_of_it: bool) -> list[tuple[str, Origin, pl.DataFrame]]:
        rows = self._waiting
        asset = self._layout.asset[rows.signal]
        bucket = rows.time // self._layout.scan[asset]
        groups = group(asset * 2 + rows.history, rows.signal, bucket, rows.received)
        due = np.ones(len(groups.lane), np.bool_) if all_of_it else self._is_due(rows, groups, now)
        chosen = due[groups.of_row]
        self._waiting = rows.at(~chosen)
        if not due.any():
            return []
        number = np.cumsum(due) - 1
        lane, frame = groups.lane[due], number[groups.of_row[chosen]]
        self._learn(rows.at(chosen), groups.lane, groups.bucket, groups.of_row[chosen], due)
        return self._build(rows.at(chosen), frame, lane, now, outcome)

    def _is_due(self, rows: Waiting, groups: Groups, now: int) -> Mask:
        asset = groups.lane // 2
        awaited = self._awaited_count[asset]
        complete = (awaited > 0) & (groups.count(self._awaited[rows.signal]) >= awaited)
        waited = groups.begun + self._hold[asset] <= now
        # What has come after now came before the clock was set back; nobody knows how long it has waited.
        return groups.and_older(complete | waited | (groups.begun > now))

    def _learn(self, rows: Waiting, lane: Numbers, bucket: Numbers, frame: Numbers, due: Mask) -> None:
        """Note which signals came in each asset's newest interval: the next one waits for the same."""
        live = ~rows.history
        asset, own = self._layout.asset[rows.signal[live]], bucket[frame[live]]
        before = self._newest_bucket.copy()
        np.maximum.at(self._newest_bucket, asset, own)
        self._awaited &= ~(self._newest_bucket > before)[self._layout.asset]
        current = own == self._newest_bucket[asset]
        signals = rows.signal[live][current]
        self._awaited[signals[self._layout.regular[signals]]] = True
        touched = np.unique(asset)
        counts = np.bincount(self._layout.asset[self._awaited], minlength=len(self._awaited_count))
        self._awaited_count[touched] = counts[touched]

    def _build(
        self, rows: Waiting, frame: Numbers, lane: Numbers, now: int, outcome: Framed
    ) -> list[tuple[str, Origin, pl.DataFrame]]:
        """Return the frames of readings, of which *frame* names each one's and *lane* each frame's lane."""
        time = np.full(len(lane), NO_TIME, np.int64)
        np.maximum.at(time, frame, rows.time)
        asset = lane // 2
        time = self._taken.take(asset, time)
        live = lane % 2 == 0
        self._emitted_at[asset[live]] = now
        np.maximum.at(self._newest_time, asset[live], time[live])
        found = []
        of_class = self._layout.class_of[asset]
        for number in np.unique(of_class).tolist():
            for origin, wanted in ((Origin.LIVE, live), (Origin.BACKFILL, ~live)):
                mine = np.flatnonzero((of_class == number) & wanted)
                if len(mine):
                    table = self._table(number, rows, frame, mine, outcome)
                    found.append(self._frames(number, origin, asset[mine], time[mine], table))
        return found

    def _table(self, number: int, rows: Waiting, frame: Numbers, mine: Numbers, outcome: Framed) -> Table:
        place = np.full(int(frame.max()) + 1, -1, np.int64)
        place[mine] = np.arange(len(mine))
        chosen = np.flatnonzero(place[frame] >= 0)
        own = rows.at(chosen)
        table = self._tables[number].build(own, place[frame[chosen]], self._layout.tag[own.signal], len(mine))
        outcome.unparsed.update(_counted(own.source[table.unparsed]))
        return table

    def _frames(
        self, number: int, origin: Origin, asset: Numbers, time: Times, table: Table
    ) -> tuple[str, Origin, pl.DataFrame]:
        values, carried = table.values, None
        if self._carriers[number].carries and origin is not Origin.BACKFILL:
            values, measured = self._carriers[number].fill(asset, time, table)
            carried = _struct_or_null(measured)
        frames = pl.DataFrame(
            {
                "asset": pl.Series(self._layout.assets, dtype=pl.String).gather(asset),
                "time": time,
                "server_time": table.server_time,
                "values": values.to_struct(),
                "status": _struct_or_null(table.status),
                "carried": _struct_or_null(table.status.clear(len(time))) if carried is None else carried,
            }
        )
        return self._layout.classes[number], origin, frames

    def _heartbeats(self, now: int) -> list[tuple[str, Origin, pl.DataFrame]]:
        """Return frames that only repeat, of assets whose source has just said that nothing has changed."""
        scan = self._layout.scan
        time = self._confirmed // scan * scan
        wanted = (self._emitted_at != NO_TIME) & (now - self._emitted_at >= scan) & (time > self._newest_time)
        found = []
        for number, carrier in enumerate(self._carriers):
            asset = np.flatnonzero(wanted & (self._layout.class_of == number))
            if not carrier.carries or not len(asset):
                continue
            table = nothing_reported(self._classes[number], len(asset))
            moment = self._taken.take(asset, time[asset])
            name, origin, frames = self._frames(number, Origin.HEARTBEAT, asset, moment, table)
            frames = frames.filter(pl.col("carried").is_not_null())
            self._emitted_at[asset], self._newest_time[asset] = now, moment
            found += [(name, origin, frames)] if frames.height else []
        return found


def _counted(sources: Numbers) -> Counter[int]:
    numbers, counts = np.unique(sources, return_counts=True)
    return Counter(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))


def _largest(sources: Numbers, values: Numbers) -> dict[int, int]:
    numbers, place = np.unique(sources, return_inverse=True)
    largest = np.full(len(numbers), NO_TIME, np.int64)
    np.maximum.at(largest, place, values)
    return dict(zip(numbers.tolist(), largest.tolist(), strict=True))


def _struct_or_null(columns: pl.DataFrame) -> pl.Series:
    """Return columns as a struct that is null where all of them are."""
    return columns.select(pl.when(~pl.all_horizontal(pl.all().is_null())).then(pl.struct(pl.all()))).to_series()
