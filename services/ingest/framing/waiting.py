"""Readings that wait for the rest of their frame, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from andon.contracts import Origin
from services.ingest.framing.times import Mask, Times, as_times
from services.ingest.readings import Readings

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Columns of equal length, in the order of arrival.

    Attributes:
        signal: number by `Signals`.
        source: number of the source that delivered it.
        time: event time; while still undated, the source's word for it.
        server: server time.
        received: when it arrived.
        status: OPC UA StatusCode.
        history: whether the source calls it historical.
        batch: number of the batch that it came in, counted from 0.
        value: the value as it came.
    """

    signal: Numbers
    source: Numbers
    time: Times
    server: Times
    received: Times
    status: Numbers
    history: Mask
    batch: Numbers
    value: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.signal)

    def at(self, chosen: Mask | Numbers) -> Waiting:
        """Return the chosen readings."""
        return Waiting(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def and_then(self, later: Waiting) -> Waiting:
        """Return these and *later* ones behind them."""
        pairs = ((getattr(self, field.name), getattr(later, field.name)) for field in fields(self))
        return Waiting(*(np.concatenate(pair) for pair in pairs))

    def dated(self, time: Times, server: Times) -> Waiting:
        """Return the same with other times."""
        return replace(self, time=time, server=server)


class Arrivals:
    """Collects batches of readings; appending is all that it does, as batches may be many and small."""

    def __init__(self) -> None:
        self._batches: list[tuple[int, Readings]] = []
        self._count = 0
        #: Batches that were ever added.
        self.batches = 0

    def __len__(self) -> int:
        return self._count

    @property
    def held(self) -> int:
        """How many batches have not been taken."""
        return len(self._batches)

    def add(self, source: int, batch: Readings) -> None:
        """Append a batch."""
        self._batches.append((source, batch))
        self._count += len(batch)
        self.batches += 1

    def take(self) -> Waiting:
        """Return everything, undated, and forget it."""
        batches, self._batches, self._count = self._batches, [], 0
        numbers = np.arange(self.batches - len(batches), self.batches)
        lengths = np.array([len(batch) for _, batch in batches], np.int64)
        readings = [batch for _, batch in batches]
        return Waiting(
            signal=_joined(batch.signals for batch in readings),
            source=np.repeat(np.array([source for source, _ in batches], np.int64), lengths),
            time=as_times([time for batch in readings for time in batch.source_times]),
            server=as_times([time for batch in readings for time in batch.server_times]),
            received=np.repeat(np.array([batch.received for batch in readings], np.int64), lengths),
            status=_joined(batch.statuses for batch in readings),
            history=np.repeat(np.array([batch.origin is Origin.BACKFILL for batch in readings], np.bool_), lengths),
            batch=np.repeat(numbers, lengths),
            # not `array`, which would look for columns of its own in a value that is a list
            value=np.fromiter((value for batch in readings for value in batch.values), np.object_),
        )


def _joined(columns: Iterator[list[int]]) -> Numbers:
    return np.array([number for column in columns for number in column], np.int64)
