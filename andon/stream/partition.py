"""One partition's logic, without I/O: records in, everything to be written out, encoded.

Runs in a worker thread (Polars and the codec release the GIL for most of it), one call at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from andon.contracts import DeadLetterReason
from andon.stream.codec import Decoder, Line, Record, encode, traceparent_of
from andon.stream.deadletters import dead_letter, encode_letter
from andon.stream.stage import OFFSET, Count, Emit, Level, Processor, Rejected, Result, StageSpec, State
from andon.tracing.span import Span, continued
from andon.uns import Stage

#: Latency is observed on this many evenly spaced rows of a batch: enough for quantiles, cheap at any rate.
_LATENCY_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class SetAside:
    """A dead letter, as the log tells of it."""

    reason: DeadLetterReason
    detail: str
    offset: int
    asset: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """One batch, processed and encoded, to be delivered as a whole.

    Attributes:
        records: how many records were read for it.
        replayed: how many of them only rebuilt memory.
        repeated: how many of them repeat what was processed before.
        passed: how many of them are history that came behind its lane's windows.
        delivered: input offset up to which (exclusive) all is delivered once this batch is.
        needed_from: first input offset that must be read again after a restart then.
        held: how many of the newest records the processor's memory, such as open windows, is made of.
        lines: events to send, by stage.
        state: per asset, what to keep; None forgets.
        reasons: dead letters by reason.
        set_aside: one of them for each reason, for the log.
        counts: amounts and levels for the stage's own metrics.
        ingest_times: of a sample of the events to send, microseconds UTC.
        spans: of the events whose traces are recorded; they end when the batch is delivered.
    """

    records: int
    replayed: int
    repeated: int
    passed: int
    delivered: int
    needed_from: int
    held: int
    lines: Mapping[Stage, list[Line]]
    state: Mapping[str, State]
    reasons: Mapping[DeadLetterReason, int]
    set_aside: Sequence[SetAside]
    counts: Sequence[Count | Level]
    ingest_times: Sequence[int]
    spans: Sequence[Span]

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write and nothing was read."""
        return not (self.records or any(self.lines.values()) or self.state)


@dataclass
class _Collector:
    """What the results of one batch add up to."""

    emits: list[Emit] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    state: dict[str, State] = field(default_factory=dict)
    counts: list[Count | Level] = field(default_factory=list)
    repeated: int = 0
    passed: int = 0

    def add(self, result: Result, counts: Sequence[Count | Level]) -> None:
        self.emits.extend(result.emits)
        self.rejected.extend(result.rejected)
        self.repeated += result.repeated
        self.passed += result.passed
        self.state.update(result.state)
        self.counts.extend(counts)


class Partition:
    """Feeds one partition's records to a stage's processor.

    Args:
        spec: the stage.
        decoder: of its input.
        topic: the input topic.
        number: the partition.
        state: per asset, what a former worker kept.
        delivered: input offset below which a former worker has delivered all results.
        traced: whether spans are wanted.
    """

    def __init__(
        self,
        spec: StageSpec,
        decoder: Decoder,
        topic: str,
        number: int,
        state: Mapping[str, State],
        delivered: int,
        *,
        traced: bool = False,
    ) -> None:
        self._spec, self._decoder, self._topic, self.number, self._traced = spec, decoder, topic, number, traced
        self._processor: Processor = spec.open(state, delivered)
        self._resume_at = delivered
        self._caught_up_since: int | None = None
        self.position = 0

    def prepare(self, records: Sequence[Record], now: int) -> Prepared | None:
        """Process one poll; None when all of it was processed before (a seek went back)."""
        fresh = [record for record in records if record.offset >= self.position]
        if not fresh:
            return None
        self.position = fresh[-1].offset + 1
        decoded = self._decoder.decode(fresh)
        collected = _Collector(rejected=decoded.rejected)
        for asset_class, rows in decoded.rows.items():
            result = self._processor.process(asset_class, rows, now)
            collected.add(
                result, (*self._spec.measure(asset_class, result), *self._unknown_tags(rows, asset_class, fresh))
            )
        return self._encode(collected, fresh, now)

    def behind(self) -> None:
        """Take note that silence so far says nothing: records wait, the broker is away, or the clock was set."""
        self._caught_up_since = None

    def tick(self, now: int) -> Prepared:
        """Tell the processor the time; to be called only while all records there are have been read."""
        self._caught_up_since = self._caught_up_since or now
        collected = _Collector()
        result = self._processor.tick(now, self._caught_up_since)
        collected.add(result, tuple(self._spec.measure("", result)))
        return self._encode(collected, (), now)

    def _unknown_tags(self, rows: pl.DataFrame, asset_class: str, records: Sequence[Record]) -> Iterator[Count]:
        """Look into one record of a batch: a source that sends a tag nobody has declared does so all the time."""
        first = next(record for record in records if record.offset == rows[OFFSET][0])
        if self._decoder.unknown_tags(asset_class, first):
            labels = {"stage": str(self._spec.input), "asset_class": asset_class}
            yield Count("andon_unknown_tags_total", labels, 1)

    def _encode(self, collected: _Collector, records: Sequence[Record], now: int) -> Prepared:
        lines: dict[Stage, list[Line]] = {}
        spans: list[Span] = []
        for emit in collected.emits:
            rows, made = self._continue(emit, now) if self._traced else (emit.rows, ())
            spans.extend(made)
            lines.setdefault(emit.stage, []).extend(encode(rows, topic=self._topic, partition=self.number))
        rejected = [r for r in collected.rejected if r.offset >= self._resume_at]
        if rejected:
            lines[Stage.DEADLETTER] = self._letters(rejected, records, now)
        delivered = max(self.position, self._resume_at)
        needed = self._processor.needed_from()
        held = 0 if needed is None else self.position - needed
        return Prepared(
            records=len(records),
            replayed=sum(record.offset < self._resume_at for record in records),
            repeated=collected.repeated,
            passed=collected.passed,
            delivered=delivered,
            needed_from=max(0, self.position - max(held, self._spec.recall)),
            held=held,
            lines=lines,
            state=collected.state,
            reasons=Counter(r.reason for r in rejected),
            set_aside=_one_of_each(rejected, records),
            counts=collected.counts,
            ingest_times=_sample_ingest_times(collected.emits),
            spans=spans,
        )

    def _continue(self, emit: Emit, now: int) -> tuple[pl.DataFrame, list[Span]]:
        place = {
            "messaging.system": "kafka",
            "messaging.destination.name": self._topic,
            "messaging.destination.partition.id": str(self.number),
        }
        return continued(emit.rows, f"{self._spec.input} to {emit.stage}", now, place)

    def _letters(self, rejected: Sequence[Rejected], records: Sequence[Record], now: int) -> list[Line]:
        by_offset = {record.offset: record for record in records}
        return [
            encode_letter(
                dead_letter(
                    r,
                    by_offset[r.offset],
                    service=self._spec.service,
                    topic=self._topic,
                    partition=self.number,
                    now=now,
                )
            )
            for r in rejected
        ]


def _one_of_each(rejected: Sequence[Rejected], records: Sequence[Record]) -> list[SetAside]:
    first = {r.reason: r for r in reversed(rejected)}
    by_offset = {record.offset: record for record in records} if first else {}
    found = []
    for reason, r in first.items():
        record = by_offset[r.offset]
        asset = (record.key or b"").decode(errors="replace")
        found.append(SetAside(reason, r.detail, r.offset, asset, traceparent_of(record)))
    return found


def _sample_ingest_times(emits: Sequence[Emit]) -> list[int]:
    columns = [emit.rows["ingest_time"] for emit in emits if emit.rows.height]
    if not columns:
        return []
    times: pl.Series = pl.concat(columns)
    return times.gather_every(max(1, len(times) // _LATENCY_SAMPLES)).to_list()
