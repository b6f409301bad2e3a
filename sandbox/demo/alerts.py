"""Following alerts while a demo runs, and folding them into spans at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from andon.contracts import Alert, AlertState
from andon.settings import KafkaSettings
from andon.stream.reading import reader
from sandbox.demo.evaluation import AlertSpan


async def follow(settings: KafkaSettings, topic: str, tell: Callable[[Alert], None]) -> None:
    """Tell of every alert event, from the topic's beginning until cancelled."""
    async with reader(settings, topic, range(settings.partitions)) as consumer:
        while True:
            for polled in (await consumer.getmany(timeout_ms=500)).values():
                for record in polled:
                    tell(Alert.model_validate_json(record.value))
            await asyncio.sleep(0)


def spans(events: Iterable[Alert]) -> list[AlertSpan]:
    """Fold alert events, in any order and possibly repeated, into one span an alert that people were told of."""
    unique = {event.id: event for event in events}
    by_alert: dict[str, list[Alert]] = {}
    for event in unique.values():
        by_alert.setdefault(event.alert, []).append(event)
    folded = []
    for changes in by_alert.values():
        if all(change.state in (AlertState.SUPPRESSED, AlertState.RESOLVED) for change in changes):
            continue
        changes.sort(key=lambda change: change.time)
        ends = [change.time for change in changes if change.state is AlertState.RESOLVED]
        first = changes[0]
        reasons = tuple(each.words for each in first.contributions if each.words)
        told = (first.message, first.context, reasons, first.alert)
        folded.append(AlertSpan(first.asset, first.opened, ends[0] if ends else None, *told))
    return sorted(folded, key=lambda span: span.opened)
