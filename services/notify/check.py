"""What routes and sinks come to: who is told of which alerts, and what may be a mistake. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from andon.contracts import AlertState
from andon.contracts.alerting import Severity
from andon.plant import Plant
from services.notify.config import AnySinkConfig, WebhookConfig
from services.notify.notification import trial
from services.notify.routing import SEVERITIES, destinations

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a class's alerts of one severity a sink is told.

    Attributes:
        sink: its name.
        machines: how many of the class's machines it is told about.
        states: in any of these states.
    """

    sink: str
    machines: int
    states: tuple[AlertState, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Who is told of a class's alerts of one severity; `machines` is how many the class has."""

    asset_class: str
    severity: Severity
    machines: int
    reaches: tuple[Reach, ...]


def rows_of(plant: Plant, sinks: Collection[str]) -> Iterator[Row]:
    """Yield who is told, for each class and severity.

    Args:
        plant: the plant model.
        sinks: names of all sinks.
    """
    for asset_class in plant.classes:
        assets = [path for path, asset in plant.assets.items() if asset.asset_class == asset_class]
        for severity in SEVERITIES:
            told = _told(plant, asset_class, assets, severity, sinks)
            reaches = tuple(_reach(name, told[name]) for name in sinks if told[name])
            yield Row(asset_class, severity, len(assets), reaches)


def _told(
    plant: Plant, asset_class: str, assets: Sequence[str], severity: Severity, sinks: Collection[str]
) -> dict[str, set[tuple[str, AlertState]]]:
    """Return the machines and states of which each sink is told."""
    case = next((case for case in plant.use_cases if case.asset_class == asset_class), None)
    names = {"use_case": case.name, "owner": case.owner} if case else {}
    some = trial(plant, 0).alert.model_copy(update={"asset_class": asset_class, "severity": severity, **names})
    told: dict[str, set[tuple[str, AlertState]]] = {name: set() for name in sinks}
    for asset in assets:
        for state in AlertState:
            alert = some.model_copy(update={"asset": asset, "state": state})
            for name in destinations(plant.routes, alert, sinks):
                told[name].add((asset, state))
    return told


def _reach(sink: str, told: Collection[tuple[str, AlertState]]) -> Reach:
    states = {state for _, state in told}
    return Reach(sink, len({asset for asset, _ in told}), tuple(state for state in AlertState if state in states))


def doubts(plant: Plant, sinks: Sequence[AnySinkConfig]) -> Iterator[str]:
    """Yield what works and may be a mistake."""
    led_to = {name for route in plant.routes for name in route.to}
    for sink in sinks:
        if plant.routes and sink.name not in led_to:
            yield f"{sink.name}: no route leads to it, so it is told nothing"
        if isinstance(sink, WebhookConfig):
            if sink.secret is None:
                yield f"{sink.name}: deliveries are not signed (add a `secret`)"
            if not sink.address.startswith(("https:", *(f"http://{host}" for host in _LOOPBACK))):
                yield f"{sink.name}: http can be read on the way (use https)"
