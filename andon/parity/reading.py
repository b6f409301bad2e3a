"""Reading the frames that vectors are made of, from the bus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka import ConsumerRecord

from andon.parity.checker import Checker, Subject, lineage
from andon.parity.compare import Parity
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.reading import read_range, read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage

#: Vectors that are checked at once: their frames are read and held together.
_CHUNK = 1_000


async def check_records(
    settings: KafkaSettings, checker: Checker, vectors: Sequence[ConsumerRecord]
) -> Mapping[Subject, Parity]:
    """Read the frames that vectors of one partition name, and compare.

    Raises:
        KafkaError: the broker does not answer.
    """
    places = [place for record in vectors if (place := lineage(record))]
    if not places:
        return checker.check(vectors, (), 0)
    first, last = min(place.first for place in places), max(place.last for place in places)
    assets, records, oldest = {record.key for record in vectors}, [], last + 1
    async for record in read_range(settings, places[0].topic, places[0].partition, first, last):
        oldest = min(oldest, record.offset)
        if record.key in assets:
            records.append(record)
    return checker.check(vectors, records, oldest)


async def check_since(
    settings: KafkaSettings, plant: Plant, checker: Checker, partitions: int, since: int = 0
) -> Mapping[Subject, Parity]:
    """Check all vectors that were sent since a time.

    Args:
        settings: how to reach the broker.
        plant: names the site's topics.
        checker: compares.
        partitions: how many partitions the feature topic has.
        since: microseconds UTC; 0 for all that are left.

    Raises:
        KafkaError: the broker does not answer.
    """
    total: dict[Subject, Parity] = defaultdict(Parity)
    async for vectors in _chunks(settings, topic_name(plant, Stage.FEATURE), partitions, since):
        for subject, parity in (await check_records(settings, checker, vectors)).items():
            total[subject] += parity
    return total


async def _chunks(
    settings: KafkaSettings, topic: str, partitions: int, since: int
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Yield the records of each partition, a part at a time."""
    for number in range(partitions):
        waiting: list[ConsumerRecord] = []
        async for record in read_to_end(settings, topic, (number,), since=since):
            waiting.append(record)
            if len(waiting) == _CHUNK:
                yield waiting
                waiting = []
        if waiting:
            yield waiting
