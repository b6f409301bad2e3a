"""Keeps what is known fresh, from the `event` topic and from the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial

from andon.clock import SECOND, wall_clock
from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.production import fact_of
from andon.production.facts import Kind
from andon.settings import Settings
from andon.stream.plant_events import Told, event_lines, follow_events
from andon.stream.publish import Publisher, publishing
from andon.stream.topics import topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.context.circumstances import Circumstances
from services.context.corrector import Corrector
from services.context.settings import ContextSettings
from services.context.told import follow_database

_log = get_logger(__name__)
_HOUR_S = 3_600.0
_FIGURES_S = 1.0
_CATALOGUE_KINDS = ("product", "recipe")


class News:
    """Follows both sources of news for one worker.

    Args:
        plant: the plant model.
        settings: how to reach Kafka and the database.
        rules: how long to wait, and how long to remember.
        metrics: where to count.
        circumstances: told of all facts.
        corrector: told of all records of the `event` topic; None where another worker corrects.
        relays: whether to put on the bus what was told in the database.
    """

    def __init__(
        self,
        plant: Plant,
        settings: Settings,
        rules: ContextSettings,
        metrics: Metrics,
        circumstances: Circumstances,
        corrector: Corrector | None,
        *,
        relays: bool,
    ) -> None:
        self._plant, self._settings, self._rules, self._metrics = plant, settings, rules, metrics
        self._circumstances, self._corrector, self._relays = circumstances, corrector, relays
        self._topic = topic_name(plant, Stage.EVENT)
        self._current = {"bus": False}
        if settings.database.dsn:
            self._current["database"] = False
        self._known = asyncio.Event()
        self._heard_all = asyncio.Event()
        self._products: set[str] = set()
        self._named: set[str] = set()

    @contextlib.asynccontextmanager
    async def followed(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Follow the news for the length of an `async with` block, which begins when all there is has been heard.

        When a source does not answer within the patience the block begins without it.
        """
        work = [asyncio.create_task(self._follow_bus()), asyncio.create_task(self._figures())]
        if self._settings.database.dsn:
            work.append(asyncio.create_task(self._follow_database()))
        if self._corrector:
            work.append(asyncio.create_task(self._corrector.run()))
        for task in work:
            task.add_done_callback(lambda _: stop.set())  # nothing of this ends by itself
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rules.patience / SECOND):
                    await self._known.wait()
            if self._corrector:
                await self._corrector.begin()
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.wait(work)
        for task in work:
            if not task.cancelled():
                task.result()

    async def _follow_bus(self) -> None:
        await follow_events(self._settings.kafka, self._topic, self._hear, lambda current: self._note("bus", current))

    def _hear(self, told: Told) -> None:
        if self._corrector:
            self._corrector.take(told)
        if told.event:
            self._take(told.event, told.at)

    def _load(self, event: PlantEvent, told: int) -> None:
        """Take what the database knew already; the topic may not hold it any more."""
        self._take(event, told)
        fact = fact_of(event, told)
        if fact is not None and self._corrector:
            self._corrector.tell(fact)

    def _take(self, event: PlantEvent, told: int) -> None:
        self._metrics.count("andon_context_events_total", kind=event.kind)
        if event.kind == "product":
            self._products.add(event.name)
        elif product := event.attributes.get("product"):
            self._named.add(product)
        fact = fact_of(event, told)
        if fact is not None:
            self._circumstances.tell(fact)

    def _note(self, source: str, current: bool) -> None:
        self._current[source] = current
        if source == "bus" and current:
            self._heard_all.set()
        if all(self._current.values()):
            self._known.set()
        # Before all is known for the first time, it is the patience that decides.
        self._circumstances.stale = not all(self._current.values())

    async def _follow_database(self) -> None:
        # The topic goes first: only what it tells is corrected, and nothing must be known before it is told.
        await self._heard_all.wait()
        since = wall_clock() - self._rules.remember
        kinds = (*_CATALOGUE_KINDS, *(kind.value for kind in Kind))
        async with contextlib.AsyncExitStack() as stack:
            publish = None
            if self._relays:
                publisher = await stack.enter_async_context(publishing(self._settings.kafka, self._topic))
                publish = partial(self._relay, publisher)
            await follow_database(
                self._settings.database,
                kinds,
                since,
                self._load,
                self._take,
                lambda current: self._note("database", current),
                publish,
            )

    async def _relay(self, publisher: Publisher, events: Sequence[PlantEvent]) -> None:
        await publisher.deliver(event_lines(self._plant, events))
        self._metrics.count("andon_events_relayed_total", len(events))

    async def _figures(self) -> None:
        """Show what is known, and forget what is over."""
        forget_due = _HOUR_S
        told: set[str] = set()
        while True:
            self._metrics.set("andon_context_stale", self._circumstances.stale)
            self._metrics.set("andon_context_facts", len(self._circumstances.knowledge))
            unknown = self._named - self._products if self._products else set()
            self._metrics.set("andon_unknown_products", len(unknown))
            if unknown - told:
                _log.warning("products that nobody has told of", products=sorted(unknown - told))
                told |= unknown
            await asyncio.sleep(_FIGURES_S)
            forget_due -= _FIGURES_S
            if forget_due <= 0:
                forget_due = _HOUR_S
                self._circumstances.forget_before(wall_clock() - self._rules.remember)
