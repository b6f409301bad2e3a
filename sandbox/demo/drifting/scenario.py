"""Four pumps of which one wears, one has a sensor that runs away, one gets a new product, and one stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl
import yaml

from andon.clock import SECOND
from andon.contracts import PlantEvent
from sandbox.demo.scenario import examples
from sandbox.station import Fault, FaultKind, StationConfig, simulate
from sandbox.station.load import Load, Weather
from sandbox.station.model import Station, WetWell
from sandbox.station.sensors import SENSORS

_MINUTE = 60.0
#: Seconds that windows begin at multiples of: on them, the same seed gives the same windows at any time of day.
_GRID = 60
#: Minutes of normal operation to learn from.
_NORMAL = 150
#: Minutes of the live part: how long it is, when changes begin, and when its second and third act do.
_LIVE, _BEGIN, SHADOW_ACT, FINAL_ACT = 106, 10, 70, 88
#: Longer than the live part, so that nothing is put right in it.
_FOR_EVER = 10 * _LIVE * _MINUTE
WORN, MISREAD, CHANGED, SOUND = range(4)
_PRODUCT, _NEW_PRODUCT = "drinking-water", "process-water"
#: Pumps at one duty: what swings with the day has no level that it could drift from (docs/drift-contract.md).
_DUTY = Load(swing=0.0, step_size=0.05, step_interval=30.0)
_WEATHER = Weather(ambient_swing=0.0, water_swing=0.0)
#: They draw from a large reservoir, so that none feels what another does.
_STATION = Station(well=WetWell(gain=50.0))
_DRIFT = {"false_alarms_per_30_days": 1, "cool_down": "1h"}

_FAULTS = (
    Fault(FaultKind.WEAR, WORN, _BEGIN * _MINUTE, _FOR_EVER, severity=0.8, ramp=5 * _MINUTE / _FOR_EVER),
    Fault(FaultKind.SENSOR_DRIFT, MISREAD, _BEGIN * _MINUTE, 1.2 * _LIVE * _MINUTE, tag="current"),
    # The new product is throttled: a valve that is set so on purpose, and told of.
    Fault(FaultKind.VALVE_CLOSING, CHANGED, _BEGIN * _MINUTE, _FOR_EVER, severity=0.6, ramp=_MINUTE / _FOR_EVER),
)


@dataclass(frozen=True, slots=True)
class Play:
    """What is played.

    Attributes:
        plant_file: the plant model.
        training: frames of normal operation: asset, time and values (a struct of tags).
        acts: frames of what follows, in three stretches: changes come, the candidate is tried, it acts.
        events: what MES tells: which product is made when.
        assets: worn, misread, changed and sound pump.
        begin: when the changes begin, microseconds UTC.
        act_starts: when each act begins.
        act_ends: and when it ends.
    """

    plant_file: Path
    training: pl.DataFrame
    acts: tuple[pl.DataFrame, ...]
    events: tuple[PlantEvent, ...]
    assets: tuple[str, ...]
    begin: int
    act_starts: tuple[int, ...]
    act_ends: tuple[int, ...]


def make_play(directory: Path, seed: int, now: int, *, prefix: str | None = None) -> Play:
    """Simulate the station up to now, and write its plant model.

    Args:
        directory: for the plant model.
        seed: of the simulation.
        now: when the last frame is due, microseconds UTC.
        prefix: of the topics, on a broker that keeps those of earlier runs.
    """
    span = round((_NORMAL + _LIVE) * _MINUTE)
    config = StationConfig(
        seed=seed,
        start=(now // (_GRID * SECOND) * _GRID - span) * SECOND,
        training=_NORMAL * _MINUTE,
        live=_LIVE * _MINUTE,
        faults=_FAULTS,
        load=_DUTY,
        weather=_WEATHER,
        station=_STATION,
    )
    starts = tuple(config.live_from + round(minute * _MINUTE * SECOND) for minute in (0, SHADOW_ACT, FINAL_ACT))
    frames = simulate(config).frames.select("asset", "time", pl.struct(*SENSORS).alias("values"))
    training, *acts = (
        frames.filter(pl.col("time").is_between(first, end, closed="left"))
        for first, end in pairwise((config.start, *starts, 2**62))
    )
    begin = config.live_from + round(_BEGIN * _MINUTE * SECOND)
    return Play(
        plant_file=_plant_file(directory, prefix),
        training=training,
        acts=tuple(acts),
        events=tuple(_products(config, begin)),
        assets=config.assets,
        begin=begin,
        act_starts=starts,
        act_ends=(*starts[1:], starts[0] + round(config.live * SECOND)),
    )


def _plant_file(directory: Path, prefix: str | None) -> Path:
    """Write the pumps' plant model, with drift as the play needs it."""
    model = yaml.safe_load((examples() / "pumps" / "plant.yaml").read_text(encoding="utf-8"))
    pump = model["classes"]["pump"]
    pump["drift"], pump["model"]["stale_after"] = _DRIFT, "12h"  # hours are told in a minute
    if prefix is not None:
        model["prefix"] = prefix
    path = directory / "plant.yaml"
    path.write_text(yaml.safe_dump(model, sort_keys=False), encoding="utf-8")
    return path


def _products(config: StationConfig, begin: int) -> Iterator[PlantEvent]:
    """Yield what each pump makes: one product from the first frame to the last, but for the one that changes it."""
    for number, asset in enumerate(config.assets):
        changes = number == CHANGED
        yield _batch(asset, _PRODUCT, config.start, begin if changes else None)
        if changes:
            yield _batch(asset, _NEW_PRODUCT, begin, None)


def _batch(asset: str, product: str, start: int, end: int | None) -> PlantEvent:
    name = f"{asset.rsplit('/', 1)[-1]}-{product}"
    return PlantEvent(
        id=f"mes/batch/{asset}/{name}",
        time=start,
        end=end,
        asset=asset,
        kind="batch",
        name=name,
        attributes={"product": product},
    )
