"""What MES tells in the demo: orders, batches and maintenance, and a correction afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from andon.clock import SECOND
from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.plant_events import event_lines
from andon.stream.publish import publishing
from andon.stream.topics import topic_name
from andon.uns import Stage
from sandbox.demo.scenario import Scenario

_MINUTE = 60 * SECOND
_BATCH = 15 * _MINUTE
_ORDER = 45 * _MINUTE
_PRODUCTS = ("drinking-water", "process-water")


def plan(scenario: Scenario, plant: Plant) -> list[PlantEvent]:
    """Return what is told before the stream begins: products, and for each machine orders, batches and maintenance."""
    start, end = _span(scenario)
    products = [
        PlantEvent(id=f"mes/product/{name}", time=start, kind="product", name=name, attributes={"item_time": "20s"})
        for name in _PRODUCTS
    ]
    events = [event for number, asset in enumerate(plant.assets) for event in _of_asset(number, asset, start, end)]
    return [*products, *events]


def correction(scenario: Scenario, plant: Plant) -> PlantEvent:
    """Return what MES says when all is over: a batch had been another product."""
    start, end = _span(scenario)
    batches = [event for event in _of_asset(0, next(iter(plant.assets)), start, end) if event.kind == "batch"]
    wrong = batches[len(batches) // 2]
    other = next(name for name in _PRODUCTS if name != wrong.attributes["product"])
    return wrong.model_copy(update={"revision": 1, "attributes": {**wrong.attributes, "product": other}})


async def announce(kafka: KafkaSettings, plant: Plant, events: Sequence[PlantEvent]) -> None:
    """Put events on the bus, as the mes service does."""
    async with publishing(kafka, topic_name(plant, Stage.EVENT)) as publisher:
        await publisher.deliver(event_lines(plant, events))


def _span(scenario: Scenario) -> tuple[int, int]:
    start = min(first for first, _ in scenario.spans.values())
    return start, max(last for _, last in scenario.spans.values()) + _MINUTE


def _of_asset(number: int, asset: str, start: int, end: int) -> Iterator[PlantEvent]:
    name = asset.rsplit("/", 1)[-1]
    for turn, begin in enumerate(range(start, end, _ORDER)):
        product = {"product": _PRODUCTS[(number + turn) % len(_PRODUCTS)]}
        yield _event("order", f"{4_700 + 10 * number + turn}", asset, begin, min(begin + _ORDER, end), product)
    for turn, begin in enumerate(range(start, end, _BATCH)):
        product = {"product": _PRODUCTS[(number + turn * _BATCH // _ORDER) % len(_PRODUCTS)]}
        yield _event("batch", f"{name}-B{turn + 1}", asset, begin, min(begin + _BATCH, end), product)
    service = start + (20 + 10 * number) * _MINUTE
    yield _event("maintenance", "lubrication", asset, service, service + 2 * _MINUTE, {})


def _event(kind: str, name: str, asset: str, start: int, end: int, attributes: dict[str, str]) -> PlantEvent:
    identity = f"mes/{kind}/{asset}/{name}"
    return PlantEvent.model_validate(
        {
            "id": identity,
            "time": start,
            "end": end,
            "asset": asset,
            "kind": kind,
            "name": name,
            "attributes": attributes,
        }
    )
