"""Tells the `model` topic what the audit log says: once written down, it is put on the bus, in order, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson
from aiokafka.errors import KafkaError

from andon.contracts import ModelEvent
from andon.database import Database
from andon.database.connection import AWAY
from andon.errors import DeliveryError
from andon.stream.model_events import model_lines
from andon.stream.publish import Publisher
from andon.telemetry import Metrics, get_logger

_log = get_logger(__name__)
_EVERY_S = 0.5
_AT_ONCE = 500
_NEW = f"""
SELECT number, at, actor, action, a.name, a.version, details, coalesce(v.digest, '') AS digest
FROM registry.audit a LEFT JOIN registry.version v ON (v.name, v.version) = (a.name, a.version)
WHERE number > (SELECT number FROM registry.announced) ORDER BY number LIMIT {_AT_ONCE}
"""  # noqa: S608 - constants only
_ANNOUNCED = "UPDATE registry.announced SET number = greatest(number, $1)"
#: Entry of the audit log to event. What changes nothing, such as a second publication, is no event.
_ACTIONS = {
    "published": "published",
    "requested": "requested",
    "approved": "promoted",
    "rejected": "rejected",
    "rolled_back": "rolled_back",
    "assigned": "assigned",
    "withdrawn": "withdrawn",
}

#: Opens a publisher to the `model` topic.
Open = Callable[[], AbstractAsyncContextManager[Publisher]]


async def announce(database: Database, open_publisher: Open, metrics: Metrics) -> None:
    """Put what is new in the audit log on the bus until cancelled; waits for a broker or database that is away."""
    while True:
        try:
            async with open_publisher() as publisher:
                while True:
                    if not await _announce_some(database, publisher, metrics):
                        await asyncio.sleep(_EVERY_S)
        except (*AWAY, KafkaError, DeliveryError) as error:
            _log.warning("changes of models are not told, trying again", error=repr(error))
            await asyncio.sleep(_EVERY_S)


async def _announce_some(database: Database, publisher: Publisher, metrics: Metrics) -> bool:
    rows = await database.fetch(_NEW)
    events = list(_events(rows))
    refused = await publisher.deliver(model_lines(events))
    metrics.count("andon_records_sent_total", len(events) - len(refused), stage="model")
    if rows:
        await database.execute(_ANNOUNCED, rows[-1]["number"])
    return bool(rows)


def _events(rows: Sequence[Any]) -> Iterator[ModelEvent]:
    for row in rows:
        if action := _ACTIONS.get(row["action"]):
            details = orjson.loads(row["details"])
            yield ModelEvent.model_validate(
                {
                    "id": f"{row['name']}@{row['at']}:{action}:{row['version']}",
                    "time": row["at"],
                    "name": row["name"],
                    "version": row["version"],
                    "digest": row["digest"],
                    "action": action,
                    "alias": details.get("alias", ""),
                    "actor": row["actor"],
                    "reason": details.get("reason", ""),
                }
            )
