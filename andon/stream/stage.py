"""The contract between a service's pure logic and the runtime that feeds it.

A service hands the runtime a `StageSpec`. For every partition it is assigned, the runtime opens one
`Processor` and calls it with all records of a poll at once, one Polars frame per asset class. The
processor returns what to send; it sends nothing, reads no clock and knows no broker.

Rows carry, beside the columns of their contract, where they came from:

============== ======= ============================================================
``offset``     Int64   offset of the record in the input topic's partition
``traceparent`` String W3C trace context of the record, or null
============== ======= ============================================================

Rows that a processor emits carry, beside the columns of the output's contract, their lineage, which
the runtime turns into record headers:

================ ====== ==========================================================
``first_offset`` Int64  first input offset that went into the event
``last_offset``  Int64  last input offset that went into the event
``traceparent``  String trace context of the input that completed it, or null
================ ====== ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from andon.contracts import DeadLetterReason
from andon.uns import Stage

OFFSET = "offset"
TRACEPARENT = "traceparent"
FIRST_OFFSET = "first_offset"
LAST_OFFSET = "last_offset"
#: Columns of an emitted row that become headers and are no part of the JSON value.
LINEAGE_COLUMNS = (FIRST_OFFSET, LAST_OFFSET, TRACEPARENT)

#: A value that a processor keeps per asset; anything JSON can hold.
State = Any


@dataclass(frozen=True, slots=True)
class Emit:
    """Events to send: rows of one output stage (contract columns and `LINEAGE_COLUMNS`)."""

    stage: Stage
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input record that could not be used; the runtime sends it, whole, to the dead letters."""

    offset: int
    reason: DeadLetterReason
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a processor wants done.

    Attributes:
        emits: events to send.
        rejected: records of the current batch to set aside.
        state: per asset, what must survive a restart; None forgets the asset. Written after `emits`
            have been acknowledged by the broker.
        passed: records of history that came behind their lane's windows; they lie in the input for whoever reads that.
        repeated: records that only repeat what was processed before, as an upstream restart sends them.
    """

    emits: tuple[Emit, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    state: Mapping[str, State] = field(default_factory=dict)
    repeated: int = 0
    passed: int = 0


class Processor(Protocol):
    """The logic of a stage for one partition: values in, values out."""

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Take all records that one poll brought for one asset class, in offset order.

        After a restart the runtime replays records from `needed_from`. Those below the `delivered` offset
        that the processor was opened with only rebuild what it holds in memory: they emit and reject nothing.

        Args:
            asset_class: name of the class in the plant model.
            rows: columns of the input's contract for that class, `offset` and `traceparent`.
            now: microseconds UTC.
        """
        ...

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Take the passing of time (about once a second), so that a silent asset's windows close too.

        It passes only while everything there is to read has been read.

        Args:
            now: microseconds UTC.
            caught_up_since: since when that is so without a break; an asset's silence cannot be older.
        """
        ...

    def needed_from(self) -> int | None:
        """Return the first input offset that is still needed to rebuild open state; None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Count:
    """An amount to add to a counter of the metric catalogue."""

    metric: str
    labels: Mapping[str, str]
    amount: int


@dataclass(frozen=True, slots=True)
class Level:
    """What to set a gauge of the metric catalogue to."""

    metric: str
    labels: Mapping[str, str]
    amount: float


def _no_counts(_: str, __: Result) -> Iterable[Count | Level]:
    return ()


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A service, as the runtime sees it.

    Attributes:
        service: the service's name; part of the consumer group's.
        input: stage whose topic is read.
        outputs: stages that may be emitted.
        open: makes the processor of one partition from the state kept per asset and from `delivered`, the
            input offset below which a former worker has delivered all results.
        stateful: whether `Result.state` or `delivered` matters; a changelog topic is kept only then.
        without: fields of the input's contract that the stage does not read; they are not parsed.
        recall: how many of the newest records a restart reads again, whatever else it needs, so that one of them which
            the service before sends again is known (see `andon.stream.repeats`).
        measure: what to count, and to set gauges to, of a result (asset class, result); keeps metrics out of the logic.
    """

    service: str
    input: Stage
    outputs: tuple[Stage, ...]
    open: Callable[[Mapping[str, State], int], Processor]
    stateful: bool = False
    without: tuple[str, ...] = ()
    recall: int = 0
    measure: Callable[[str, Result], Iterable[Count | Level]] = _no_counts
