"""Sending whole batches to one partition, in order, until the broker has them.

Delivery is at least once: after a failure the records from the first unacknowledged batch on are sent
again. Batches of one call go one after the other, so that a retry can never put an older record behind
a newer one. Ids are deterministic, so a repeated record has no further effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from andon.settings import KafkaSettings
from andon.stream.cancellation import answered
from andon.stream.codec import Line
from andon.telemetry import get_logger

_log = get_logger(__name__)
_RETRY_PAUSE_S = 0.5


class BatchProducer:
    """Sends encoded events to given partitions.

    Args:
        settings: how to reach Kafka.
        on_retry: called each time records must be sent again (for a metric).
    """

    def __init__(self, settings: KafkaSettings, *, on_retry: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._on_retry = on_retry
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers.
        """
        settings = self._settings
        producer = AIOKafkaProducer(
            **settings.client_arguments(),
            acks="all",
            enable_idempotence=settings.idempotent,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=settings.max_batch_bytes,
            # Larger than a batch: a single record up to the topic's own limit may stand alone in one.
            max_request_size=4 * settings.max_batch_bytes,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect; what `deliver` was given and has not returned from is not delivered."""
        if self._producer:
            await self._producer.stop()

    async def deliver(self, topic: str, partition: int, lines: Sequence[Line]) -> list[Line]:
        """Send *lines* in order and return when the broker has acknowledged all of them.

        Returns:
            The lines that are larger than the broker takes; all others are delivered.
        """
        pending, too_large = self._split(lines)
        while pending:
            try:
                await self._send(topic, partition, pending[0])
            except MessageSizeTooLargeError:
                too_large.extend(pending.pop(0))
            except KafkaError as error:
                self._on_retry()
                _log.warning("delivery failed, sending again", topic=topic, partition=partition, error=repr(error))
                await asyncio.sleep(_RETRY_PAUSE_S)
            else:
                pending.pop(0)
        return too_large

    def _split(self, lines: Sequence[Line]) -> tuple[list[list[Line]], list[Line]]:
        """Cut into batches below the size limit; a line above it is set aside."""
        limit = self._settings.max_batch_bytes
        batches: list[list[Line]] = []
        too_large = []
        room = 0
        for line in lines:
            size = line.size
            if size > limit:
                too_large.append(line)
                continue
            if size > room or not batches:
                batches.append([])
                room = limit
            batches[-1].append(line)
            room -= size
        return batches, too_large

    async def _send(self, topic: str, partition: int, lines: list[Line]) -> None:
        producer = self._producer
        if producer is None:
            raise RuntimeError("the producer is not started")
        batch = producer.create_batch()
        for line in lines:
            if batch.append(key=line.key, value=line.value, timestamp=None, headers=line.headers) is None:
                raise MessageSizeTooLargeError
        batch.close()
        acknowledged = await answered(producer.send_batch(batch, topic, partition=partition))
        # Whoever gives up waiting must leave somebody behind who takes note of the answer, or asyncio complains of it.
        acknowledged.add_done_callback(_take_note)
        await answered(asyncio.shield(acknowledged))


def _take_note(answer: asyncio.Future[object]) -> None:
    if not answer.cancelled():
        answer.exception()
