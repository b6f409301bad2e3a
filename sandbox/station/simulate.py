"""One call from a seed to a recording's rows and their ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.errors import ConfigError
from sandbox.station.faults import Fault, effects
from sandbox.station.load import Load, Weather
from sandbox.station.model import Conditions, Station, run
from sandbox.station.scenario import DEFAULT_FAULTS
from sandbox.station.sensors import SENSORS, measure, true_values
from sandbox.station.signals import Array, coloured_noise

#: Time constant of turbulence in the rising main, s.
_TURBULENCE_TIME = 5.0
#: Spread (log-normal) of the intensity of cavitation bursts.
_BURST_SPREAD = 0.25

LABEL_SCHEMA: dict[str, pl.DataType] = {
    "asset": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "kind": pl.String(),
    "process": pl.Boolean(),
    "tag": pl.String(),
}


@dataclass(frozen=True, slots=True)
class StationConfig:
    """What to simulate; the same config gives the same bytes."""

    seed: int = 7
    start: int = 1_767_225_600 * SECOND
    """Time of the first sample, microseconds UTC; 2026-01-01 by default."""
    scan: float = 1.0
    """Seconds between samples."""
    training: float = 7_200.0
    """Seconds of normal running at the start, over all loads."""
    live: float = 5_400.0
    """Seconds after that, in which `faults` happen."""
    assets: tuple[str, ...] = tuple(f"water/line-1/station-1/pump-{number}" for number in range(1, 5))
    """ISA-95 path of each pump."""
    faults: tuple[Fault, ...] = DEFAULT_FAULTS
    missing: float = 0.0003
    """Probability that a single sample is lost without any fault."""
    load: Load = field(default_factory=Load)
    weather: Weather = field(default_factory=Weather)
    station: Station = field(default_factory=Station)

    def __post_init__(self) -> None:
        if self.scan <= 0 or self.training < 0 or self.live < 0 or self.samples < 2:
            raise ConfigError("scan must be above 0, and training + live at least two scans long")
        for fault in self.faults:
            self._check(fault)

    def _check(self, fault: Fault) -> None:
        where = f"fault {fault.kind} at {fault.start} s"
        if not 0 <= fault.pump < len(self.assets):
            raise ConfigError(f"{where}: pump {fault.pump} is not among the {len(self.assets)} pumps (counted from 0)")
        if fault.start >= self.live:
            raise ConfigError(f"{where}: starts after the live part ({self.live} s) has ended")
        if fault.tag is not None and fault.tag not in SENSORS:
            raise ConfigError(f"{where}: {fault.tag!r} is no sensor; known are {', '.join(SENSORS)}")

    @property
    def samples(self) -> int:
        """Samples of each pump."""
        return round((self.training + self.live) / self.scan)

    @property
    def live_from(self) -> int:
        """Time at which the live part starts, microseconds UTC."""
        return self.start + round(self.training * SECOND)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the sensors said, and what was really wrong."""

    frames: pl.DataFrame
    """One row per asset and instant, by time: `asset`, `time` (microseconds UTC), one column per tag."""
    labels: pl.DataFrame
    """One row per fault: `asset`, `start` (inclusive) and `end` (exclusive), microseconds UTC, `kind`, `process`
    (true: an anomaly to find; false: a sensor fault to mark) and, for sensor faults, `tag`."""
    live_from: int
    """Time at which the live part starts; all before it is normal running to train on."""

    @property
    def training(self) -> Simulation:
        """The part before the live one, on its own."""
        frames = self.frames.filter(pl.col("time") < self.live_from)
        return replace(self, frames=frames, labels=self.labels.filter(pl.col("start") < self.live_from))

    @property
    def live(self) -> Simulation:
        """The live part on its own."""
        frames = self.frames.filter(pl.col("time") >= self.live_from)
        return replace(self, frames=frames, labels=self.labels.filter(pl.col("end") > self.live_from))


def simulate(config: StationConfig) -> Simulation:
    """Return a simulation of the station.

    Args:
        config: what to simulate.
    """
    time = np.arange(config.samples, dtype=np.float64) * config.scan
    load_rng, part_rng, noise_rng, sensor_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(config.seed).spawn(4)
    )
    station = config.station.with_tolerances(part_rng, len(config.assets))
    conditions = _conditions(config, load_rng, noise_rng, time)
    true = true_values(station, run(station, conditions), conditions.water)
    readings = measure(sensor_rng, true, config.faults, time - config.training, config.missing)
    return Simulation(_frames(config, readings), _labels(config), config.live_from)


def _conditions(
    config: StationConfig, load_rng: np.random.Generator, noise_rng: np.random.Generator, time: Array
) -> Conditions:
    shape, day = (len(time), len(config.assets)), config.load.day
    return Conditions(
        setpoint=config.load.setpoints(load_rng, time, shape[1], config.scan),
        ambient=config.weather.ambient_temperature(time, day)[:, None],
        water=config.weather.water_temperature(time, day)[:, None],
        turbulence=coloured_noise(noise_rng, shape, _TURBULENCE_TIME, config.scan),
        bursts=noise_rng.lognormal(0.0, _BURST_SPREAD, shape),
        effects=effects(config.faults, time - config.training, shape[1]),
        step=config.scan,
    )


def _frames(config: StationConfig, readings: Mapping[str, Array]) -> pl.DataFrame:
    times = config.start + np.round(np.arange(config.samples) * config.scan * SECOND).astype(np.int64)
    pumps = len(config.assets)
    asset = pl.Series("asset", config.assets, dtype=pl.String).gather(np.tile(np.arange(pumps), len(times)))
    tags = {tag: pl.Series(values.ravel()).fill_nan(None) for tag, values in readings.items()}
    return pl.DataFrame({"asset": asset, "time": np.repeat(times, pumps), **tags})


def _labels(config: StationConfig) -> pl.DataFrame:
    end_of_live = config.live_from + round(config.live * SECOND)
    rows = [
        (
            config.assets[fault.pump],
            config.live_from + round(fault.start * SECOND),
            min(config.live_from + round(fault.end * SECOND), end_of_live),
            str(fault.kind),
            fault.kind.process,
            fault.tag,
        )
        for fault in config.faults
    ]
    return pl.DataFrame(rows, schema=LABEL_SCHEMA, orient="row").sort("start", "asset")
