"""What becomes of one sink's notifications, told to metrics, logs and dead letters."""

from __future__ import annotations

from andon.clock import MILLISECOND, SECOND, Clock
from andon.plant import Plant
from andon.stream.codec import Consumed
from andon.stream.deadletters import dead_letter, encode_letter
from andon.stream.producer import BatchProducer
from andon.stream.stage import Rejected
from andon.stream.topics import topic_name
from andon.telemetry import Metrics, get_logger
from andon.tracing import NOT_TRACED, Tracer, followed, is_sampled
from andon.uns import Stage
from services.notify.courier import Parcel, Unsent

_log = get_logger(__name__)
_SERVICE = "notify"


class SinkReport:
    """Reports on one sink.

    Args:
        sink: its name.
        plant: whose dead letters.
        producer: a started producer.
        metrics: where to count.
        clock: microseconds UTC.
        tracer: where the spans of what was taken go.
    """

    def __init__(
        self,
        sink: str,
        plant: Plant,
        producer: BatchProducer,
        metrics: Metrics,
        clock: Clock,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        self._sink, self._producer, self._metrics, self._clock, self._tracer = sink, producer, metrics, clock, tracer
        self._letters = topic_name(plant, Stage.DEADLETTER)
        self._away = False
        metrics.set("andon_last_notification_seconds", 0, sink=sink)
        self.waiting(0)

    def taken(self, parcel: Parcel) -> None:
        """Count a notification that the sink has taken."""
        now = self._clock()
        waited = max(0, now - parcel.record.timestamp * MILLISECOND) / SECOND
        self._count("taken")
        self._metrics.observe("andon_notification_seconds", waited, sink=self._sink)
        self._metrics.set("andon_last_notification_seconds", now / SECOND, sink=self._sink)
        if self._away:
            _log.info("the sink takes notifications again", sink=self._sink)
        self._away = False
        context = parcel.notification.trace
        if self._tracer.records and context and is_sampled(context):
            told = {"andon.asset": parcel.notification.alert.asset, "andon.sink": self._sink}
            name, start = f"alert to {self._sink}", parcel.record.timestamp * MILLISECOND
            self._tracer.ended([followed(context, name, start, parcel.notification.key, told)], now)

    def later(self, parcel: Parcel, reason: str) -> None:
        """Count an attempt that the sink did not take; the log tells of the first."""
        self._metrics.count("andon_notification_retries_total", sink=self._sink)
        if not self._away:
            asset = parcel.notification.alert.asset
            _log.warning("the sink does not take it, trying again", sink=self._sink, asset=asset, reason=reason)
        self._away = True

    async def unsent(self, unsent: Unsent) -> None:
        """Set a notification aside; the letter's id names the sink, as each may have one of the same record."""
        record, key = unsent.parcel.record, unsent.parcel.notification.key
        self._count(unsent.reason)
        _log.error("not told", sink=self._sink, id=key, reason=unsent.reason, detail=unsent.detail)
        rejected = Rejected(record.offset, unsent.reason, f"sink {self._sink}: {unsent.detail}")
        await self._set_aside(rejected, record, f":{self._sink}")

    def passed(self) -> None:
        """Count a notification that is passed over because it is history."""
        self._count("history")

    async def unreadable(self, rejected: Rejected, record: Consumed) -> None:
        """Set a record aside that is no alert; every sink's letter has the same id, so that it counts once."""
        where = f"{record.topic}/{record.partition}@{record.offset}"
        _log.warning("set aside", reason=rejected.reason, detail=rejected.detail, record=where)
        await self._set_aside(rejected, record, "")

    def waiting(self, count: int) -> None:
        """Show how many notifications wait for the sink."""
        self._metrics.set("andon_waiting_notifications", count, sink=self._sink)

    def lag(self, partition: int, reached: int, lag: int) -> None:
        """Show how far a partition is."""
        name = f"{self._sink}/{partition}"
        self._metrics.set("andon_lag_records", lag, partition=name)
        self._metrics.set("andon_committed_offset", reached, partition=name)

    def _count(self, outcome: str) -> None:
        self._metrics.count("andon_notifications_total", sink=self._sink, outcome=outcome)

    async def _set_aside(self, rejected: Rejected, record: Consumed, whose: str) -> None:
        number = record.partition
        letter = dead_letter(
            rejected, record, service=_SERVICE, topic=record.topic, partition=number, now=self._clock()
        )
        named = letter.model_copy(update={"id": f"{letter.id}{whose}"})
        await self._producer.deliver(self._letters, number, [encode_letter(named)])
        self._metrics.count("andon_deadletters_total", stage=Stage.ALERT, reason=rejected.reason)
