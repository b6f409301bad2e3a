"""The board of alerts: their newest changes, as the `alert` topic tells them."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from andon.clock import SECOND
from andon.contracts import Alert, AlertState
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.publish import partition_of
from andon.stream.reading import read_to_end
from andon.stream.topics import count_partitions, topic_name
from andon.uns import Stage

#: A source's clock may run ahead of the broker's by so much.
_SKEW = 3_600 * SECOND


def newest(changes: Iterable[Alert]) -> dict[str, Alert]:
    """Return each alert's newest change by the alert's name; *changes* are in the order of their partition."""
    return {change.alert: change for change in changes}


def pending(changes: Iterable[Alert]) -> list[Alert]:
    """Return the newest change of each alert that is not over, the gravest first, of those the oldest."""
    gravity = ("critical", "warning", "info")
    left = [change for change in newest(changes).values() if change.state is not AlertState.RESOLVED]
    return sorted(left, key=lambda change: (gravity.index(change.severity), change.opened, change.alert))


async def all_changes(kafka: KafkaSettings, plant: Plant) -> list[Alert]:
    """Return every change of an alert that the topic keeps, those of each asset in order.

    Raises:
        KafkaError: the broker does not answer.
    """
    topic = topic_name(plant, Stage.ALERT)
    partitions = range((await count_partitions(kafka)).get(topic, 0))
    return _read([record async for record in read_to_end(kafka, topic, partitions)])


async def changes_of(kafka: KafkaSettings, plant: Plant, asset: str, opened: int, name: str) -> list[Alert]:
    """Return the changes of the alert called *name*, in order; none when the topic holds none.

    Only what was written since it opened is read, of the one partition that its asset is in.

    Args:
        kafka: how to reach the broker.
        plant: the plant model.
        asset: the alert's asset.
        opened: when it opened, microseconds UTC.
        name: its name.

    Raises:
        KafkaError: the broker does not answer.
    """
    topic = topic_name(plant, Stage.ALERT)
    partitions = (await count_partitions(kafka)).get(topic, 0)
    if not partitions:
        return []
    where = (partition_of(asset.encode(), partitions),)
    records = read_to_end(kafka, topic, where, since=max(0, opened - _SKEW))
    changes = _read([record async for record in records if record.key == asset.encode()])
    return [change for change in changes if change.alert == name]


def _read(records: Iterable[ConsumerRecord]) -> list[Alert]:
    return [alert for record in records if (alert := _alert(record.value))]


def _alert(value: bytes | None) -> Alert | None:
    """Return the event of a record; None where there is none, which the historian sets aside."""
    try:
        return Alert.model_validate_json(value or b"")
    except ValidationError:
        return None
