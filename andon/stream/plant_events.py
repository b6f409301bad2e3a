"""The `event` topic, what the plant says of itself: following it from its beginning on, and telling something there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream import follow
from andon.stream.codec import Line
from andon.stream.publish import new_lines

Told = follow.Told[PlantEvent]
"""A record of the topic."""


async def follow_events(
    settings: KafkaSettings, topic: str, take: Callable[[Told], None], current: Callable[[bool], None] = follow.ignore
) -> None:
    """Hand every plant event of a topic to *take*, until cancelled; see `andon.stream.follow.follow`."""
    await follow.follow(settings, topic, PlantEvent, take, current)


def event_lines(plant: Plant, events: Iterable[PlantEvent]) -> list[Line]:
    """Return plant events as records: under their asset, or the level above, or the site's name."""
    return new_lines([((event.asset or plant.site).encode(), event.model_dump_json().encode()) for event in events])
