"""From sums over the minutes of a shift to its report: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from andon.clock import SECOND, to_datetime, to_micros
from andon.contracts import MachineState, Oee
from andon.plant import Plant
from andon.production.calendar import shift_facts
from andon.production.oee import MINUTE, indicators
from andon.units import conversion, parse_duration
from andon.uns import Stage


@dataclass(frozen=True, slots=True)
class Share:
    """What one machine state had of a shift and product."""

    state: str | None
    seconds: float
    produced: float
    good: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Product:
    """What is known of a product.

    Attributes:
        item_time: planned run time per `unit`, such as 2s; None when it was not told.
        unit: None for that of the plant model.
    """

    item_time: str | None
    unit: str | None

    def seconds(self, unit: str | None) -> float | None:
        """Return the planned run time per *unit*, seconds; None when it was not told.

        Raises:
            ValueError: it is no duration, or the units do not convert.
        """
        if self.item_time is None:
            return None
        factor = conversion(unit, self.unit)[0] if self.unit and unit and self.unit != unit else 1.0
        return parse_duration(self.item_time) / SECOND * factor


def report(
    plant: Plant,
    asset: str,
    shift: str,
    product: str | None,
    shares: Sequence[Share],
    start: int,
    item_time: float | None,
) -> Oee:
    """Return the indicators of an asset, shift and product.

    Args:
        plant: the plant model.
        asset: its path.
        shift: name of the shift.
        product: name of the product, if any.
        shares: what each machine state had of it.
        start: of the shift, microseconds.
        item_time: planned run time per unit of quantity, seconds.
    """
    name = plant.class_of(asset) or ""
    production = plant.classes[name].production
    seconds = {share.state: share.seconds for share in shares}
    produced, good = sum(share.produced for share in shares), sum(share.good for share in shares)
    until = max(share.last for share in shares) + MINUTE
    found = indicators(seconds, produced, good, item_time)
    return Oee(
        id=f"{asset}@{start}:{Stage.KPI}:{shift}|{product or ''}",
        asset=asset,
        time=start,
        ingest_time=until,
        asset_class=name,
        shift=shift,
        product=product,
        until=until,
        planned_busy_time=found.planned_busy_time,
        actual_production_time=seconds.get(MachineState.RUNNING, 0.0),
        idle_time=seconds.get(MachineState.IDLE, 0.0),
        down_time=seconds.get(MachineState.UNPLANNED_STOP, 0.0),
        setup_time=seconds.get(MachineState.CHANGEOVER, 0.0),
        planned_stop_time=seconds.get(MachineState.PLANNED_STOP, 0.0),
        unknown_time=seconds.get(None, 0.0),
        produced_quantity=produced,
        good_quantity=good,
        unit=production.unit if production else None,
        item_time=item_time,
        availability=found.availability,
        effectiveness=found.effectiveness,
        quality_ratio=found.quality_ratio,
        oee_index=found.oee_index,
    )


def calendar_start(plant: Plant, asset: str, shift: str, first: int) -> int | None:
    """Return when a shift of the calendar starts that *first*, microseconds, lies in; None when it is none of it."""
    for fact in shift_facts(plant, first, first + MINUTE):
        if fact.name == shift and f"{asset}/".startswith(f"{fact.place}/" if fact.place else ""):
            return fact.start
    return None


def day_start(plant: Plant, first: int) -> int:
    """Return when the local day starts that *first*, microseconds, lies in."""
    local = to_datetime(first).astimezone(ZoneInfo(plant.time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return to_micros(midnight.astimezone(UTC))


def says_the_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Return whether two reports differ in nothing but their revision; sums of floats depend on their order."""
    return _content(one) == _content(other)


def _content(document: Mapping[str, object]) -> dict[str, object]:
    kept = {name: value for name, value in document.items() if name != "revision"}
    return {name: float(f"{value:.9g}") if isinstance(value, float) else value for name, value in kept.items()}
