"""What the runtime counts, apart from what it does."""

from __future__ import annotations

from collections.abc import Iterable

from andon.clock import SECOND, Clock
from andon.stream.partition import Prepared
from andon.stream.stage import Count, Level
from andon.telemetry import Metrics, get_logger
from andon.tracing import NOT_TRACED, Tracer

_log = get_logger(__name__)


class Instruments:
    """The metrics of one stage.

    Args:
        metrics: where to count.
        stage: the input stage, a label of most metrics.
        clock: microseconds UTC, for latencies.

    Attributes:
        tracer: where spans go.
    """

    def __init__(self, metrics: Metrics, stage: str, clock: Clock) -> None:
        self._metrics, self._stage, self._clock = metrics, stage, clock
        self.waited(0)
        metrics.count("andon_delivery_retries_total", 0, stage=stage)
        self.tracer: Tracer = NOT_TRACED

    def worked(self, seconds: float) -> None:
        """Take the time that one batch took to decode, process and encode."""
        self._metrics.observe("andon_batch_seconds", seconds, stage=self._stage)

    def waited(self, seconds: float) -> None:
        """Take the time that reading stood still for delivery."""
        self._metrics.count("andon_backpressure_seconds_total", seconds, stage=self._stage)

    def retried(self) -> None:
        """Take note that records had to be sent again."""
        self._metrics.count("andon_delivery_retries_total", stage=self._stage)

    def assigned(self, partitions: int) -> None:
        """Take note of a new assignment."""
        self._metrics.set("andon_partitions", partitions)
        self._metrics.count("andon_rebalances_total")

    def renewed(self) -> None:
        """Take note of a partition that was made anew."""
        self._metrics.count("andon_partitions_renewed_total")

    def released(self, partitions: Iterable[int]) -> None:
        """Take note that partitions were given away."""
        for number in partitions:
            self._metrics.set("andon_lag_records", 0, partition=str(number))

    def recorded(self, number: int, prepared: Prepared) -> None:
        """Take where a restart would read from, and how much of that is memory."""
        self._metrics.set("andon_committed_offset", prepared.needed_from, partition=str(number))
        self._metrics.set("andon_held_records", prepared.held, partition=str(number))

    def lagged(self, number: int, lag: int) -> None:
        """Take how many records a partition holds that were not delivered yet."""
        self._metrics.set("andon_lag_records", lag, partition=str(number))

    def delivered(self, number: int, prepared: Prepared) -> None:
        """Count a batch that the broker has acknowledged."""
        count, stage = self._metrics.count, self._stage
        count("andon_records_read_total", prepared.records, stage=stage)
        count("andon_records_replayed_total", prepared.replayed, stage=stage)
        count("andon_records_repeated_total", prepared.repeated, stage=stage)
        count("andon_records_passed_total", prepared.passed, stage=stage)
        if prepared.records:
            self._metrics.observe("andon_batch_records", prepared.records, stage=stage)
        for sent, lines in prepared.lines.items():
            count("andon_records_sent_total", len(lines), stage=str(sent))
            count("andon_sent_bytes_total", sum(len(line.value or b"") for line in lines), stage=str(sent))
        for reason, amount in prepared.reasons.items():
            count("andon_deadletters_total", amount, stage=stage, reason=str(reason))
        for letter in prepared.set_aside:
            _log.warning(
                "set aside",
                reason=str(letter.reason),
                count=prepared.reasons[letter.reason],
                detail=letter.detail,
                asset=letter.asset,
                partition=number,
                offset=letter.offset,
                traceparent=letter.traceparent,
            )
        now = self._clock()
        for ingested in prepared.ingest_times:
            self._metrics.observe("andon_latency_seconds", max(0, now - ingested) / SECOND, stage=stage)
        self._metrics.set("andon_position_offset", prepared.delivered, partition=str(number))
        self._own(prepared.counts)
        self.tracer.ended(prepared.spans, now)

    def _own(self, measurements: Iterable[Count | Level]) -> None:
        for each in measurements:
            if isinstance(each, Count):
                self._metrics.count(each.metric, each.amount, **each.labels)
            else:
                self._metrics.set(each.metric, each.amount, **each.labels)
