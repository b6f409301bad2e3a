"""The one place where it is decided whether a request is taken or refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from andon.clock import isoformat
from andon.contracts import ModelEvent
from andon.plant import Plant
from services.trainer.retraining.reports import Reports
from services.trainer.retraining.requests import part_of


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not taken: reason code, see `andon.contracts.Retraining`, and the same in words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand when a request is decided.

    Attributes:
        running: id of the class's request that is being trained or waits for data; None for none.
        trained: when the class's newest training ended, microseconds UTC; None before the first.
        faulty: machines with faulty data.
        now: microseconds UTC.
    """

    running: str | None
    trained: int | None
    faulty: frozenset[str]
    now: int


def refusal_of(request: ModelEvent, plant: Plant, standing: Standing) -> Refusal | None:
    """Return why a request is refused; None takes it. A person may ask while the class cools down."""
    asked, asset_class = part_of(request), plant.classes.get(request.name)
    if asset_class is None:
        return Refusal("unknown_class", f"the plant model has no class {request.name}")
    if asked.origin == "drift" and not asset_class.drift.retrain:
        return Refusal("disabled", f"drift.retrain of class {request.name} is false in the plant model")
    if not learnable(request, plant, standing.faulty):
        return Refusal("faulty_data", "the data that asks for it is faulty: repair the sensors first")
    if standing.running is not None:
        return Refusal("already_running", f"{standing.running} is at work or waits for data")
    end = cool_down_end(request.name, plant, standing.trained)
    if asked.origin != "person" and end is not None and end > standing.now:
        return Refusal("cooling_down", f"the class cools down until {isoformat(end)} (drift.cool_down)")
    return None


def withdrawn(request: ModelEvent, reports: Reports) -> Refusal | None:
    """Return why a request that waits is refused after all: the drift service has changed its mind. None goes on."""
    asked = part_of(request)
    for asset in asked.assets:
        newest = reports.newest(asset)
        if asked.origin != "drift" or newest is None or newest.id == asked.evidence:
            continue
        if newest.retrain == "refused":
            return Refusal("faulty_data", f"its data has turned out to be faulty ({newest.id})")
        return Refusal("outdated", f"of {asset} something else was said since ({newest.id})")
    return None


def learnable(request: ModelEvent, plant: Plant, faulty: frozenset[str]) -> tuple[str, ...]:
    """Return the machines to learn from: all of the class with sound data, or none when all that ask are faulty."""
    everyone = [asset for asset, each in plant.assets.items() if each.asset_class == request.name]
    asking = part_of(request).assets or everyone
    if not set(asking) - faulty:
        return ()
    return tuple(asset for asset in everyone if asset not in faulty)


def cool_down_end(name: str, plant: Plant, trained: int | None) -> int | None:
    """Return until when a class cools down, microseconds UTC; None when none was trained yet."""
    return None if trained is None or name not in plant.classes else trained + plant.classes[name].drift.cool_down
