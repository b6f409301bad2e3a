"""Reading dead letters, and sending their originals back to the topics that they came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from andon.contracts import DeadLetter
from andon.errors import ConfigError
from andon.settings import KafkaSettings
from andon.stream.codec import Line, Record
from andon.stream.deadletters import original_headers, original_key, original_value, parse_letter
from andon.stream.letters import source_of
from andon.stream.producer import BatchProducer
from andon.stream.reading import read_one, read_to_end
from andon.stream.topics import count_partitions
from andon.telemetry import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Original:
    """A record to send back: to this topic and partition, as this line."""

    topic: str
    partition: int
    line: Line


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay will do.

    Attributes:
        originals: what to send, in the order in which it was read first.
        missing: what cannot be sent, as a sentence each.
    """

    originals: list[Original] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


async def read_letters(settings: KafkaSettings, topic: str) -> AsyncIterator[DeadLetter]:
    """Yield all dead letters that a topic holds now.

    Raises:
        ConfigError: there is no such topic.
        KafkaError: no broker answers.
    """
    partitions = (await count_partitions(settings)).get(topic)
    if partitions is None:
        raise ConfigError(
            f"there is no topic {topic} at {settings.bootstrap_servers} (no service of this site has run there yet, "
            "or the plant model names another enterprise or site)"
        )
    async for record in read_to_end(settings, topic, range(partitions)):
        try:
            yield parse_letter(record.value or b"")
        except ValueError:
            _log.warning("not a dead letter, skipped", topic=topic, partition=record.partition, offset=record.offset)


async def plan_replay(settings: KafkaSettings, letters: Iterable[DeadLetter]) -> Plan:
    """Find the originals of *letters*; those that were not copied are read where they were first.

    Raises:
        KafkaError: no broker answers.
    """
    plan, partitions = Plan(), await count_partitions(settings)
    for letter in letters:
        if letter.partition is None or letter.offset is None:
            plan.missing.append(f"{source_of(letter)}: a source delivered it, and sources take nothing back")
            continue
        if letter.partition >= partitions.get(letter.topic, 0):
            plan.missing.append(f"{source_of(letter)}: the topic has no such partition any more")
            continue
        line = _copied(letter) or await _kept(settings, letter, letter.partition, letter.offset)
        if line is None:
            plan.missing.append(
                f"{source_of(letter)}: not copied because of its size, and the record there is gone or another"
            )
        else:
            plan.originals.append(Original(letter.topic, letter.partition, line))
    return plan


async def send_back(settings: KafkaSettings, originals: Sequence[Original]) -> list[Original]:
    """Send records to the partitions that they came from and return when the broker has them.

    Returns:
        Records that are larger than the broker takes; all others are sent.

    Raises:
        KafkaError: no broker answers.
    """
    producer = BatchProducer(settings)
    await producer.start()
    refused: list[Original] = []
    try:
        for (topic, partition), group in groupby(originals, key=lambda each: (each.topic, each.partition)):
            lines = [original.line for original in group]
            too_large = await producer.deliver(topic, partition, lines)
            refused.extend(Original(topic, partition, line) for line in too_large)
    finally:
        await producer.stop()
    return refused


def _copied(letter: DeadLetter) -> Line | None:
    value = original_value(letter)
    return None if value is None else Line(original_key(letter), value, original_headers(letter))


async def _kept(settings: KafkaSettings, letter: DeadLetter, partition: int, offset: int) -> Line | None:
    record: Record | None = await read_one(settings, letter.topic, partition, offset)
    # Another key: the letter tells of an output, and the input behind it is not known.
    if record is None or (record.key or b"") != original_key(letter):
        return None
    return Line(record.key or b"", record.value, list(record.headers))
