"""The way out: plant events and dead letters to Kafka, each under its key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from andon.contracts import DeadLetter, PlantEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.deadletters import encode_letter
from andon.stream.plant_events import event_lines
from andon.stream.producer import BatchProducer
from andon.stream.publish import Publisher
from andon.stream.topics import count_partitions, ensure_topics, topic_name
from andon.telemetry import Metrics
from andon.uns import Stage


class Outbox:
    """Delivers to one site's topics; `opened` makes one.

    Args:
        producer: a started producer.
        plant: whose topics.
        partitions: how many each of them has.
        metrics: where to count.
    """

    def __init__(self, producer: BatchProducer, plant: Plant, partitions: int, metrics: Metrics) -> None:
        self._plant, self._metrics = plant, metrics
        self._publishers = {
            stage: Publisher(producer, topic_name(plant, stage), partitions)
            for stage in (Stage.EVENT, Stage.DEADLETTER)
        }

    async def tell(self, events: Sequence[PlantEvent]) -> list[PlantEvent]:
        """Send events and return when Kafka has them.

        Returns:
            The events that are larger than Kafka takes.
        """
        lines = event_lines(self._plant, events)
        refused = {id(line) for line in await self._deliver(Stage.EVENT, lines)}
        return [event for event, line in zip(events, lines, strict=True) if id(line) in refused]

    async def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        """Send dead letters and return when Kafka has them, without their originals where these are too large."""
        lines = [encode_letter(letter) for letter in letters]
        refused = {id(line) for line in await self._deliver(Stage.DEADLETTER, lines)}
        large = [letter for letter, line in zip(letters, lines, strict=True) if id(line) in refused]
        bare = [encode_letter(letter.model_copy(update={"value": None})) for letter in large]
        await self._deliver(Stage.DEADLETTER, bare)

    async def _deliver(self, stage: Stage, lines: Sequence[Line]) -> list[Line]:
        too_large = await self._publishers[stage].deliver(lines)
        self._metrics.count("andon_records_sent_total", len(lines) - len(too_large), stage=stage)
        return too_large


@asynccontextmanager
async def opened(settings: KafkaSettings, plant: Plant, metrics: Metrics) -> AsyncIterator[Outbox]:
    """Give an outbox for the length of an `async with` block.

    Raises:
        ConfigError: the site's topics cannot be used as they are.
        KafkaError: no broker answers.
    """
    await ensure_topics(settings, plant)
    partitions = (await count_partitions(settings))[topic_name(plant, Stage.EVENT)]
    producer = BatchProducer(
        settings, on_retry=lambda: metrics.count("andon_delivery_retries_total", stage=Stage.EVENT)
    )
    await producer.start()
    try:
        yield Outbox(producer, plant, partitions, metrics)
    finally:
        await producer.stop()
