"""A simulation's rows and their ground truth agree with each other and with the plant model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
import yaml

from andon.errors import ConfigError
from andon.plant.model import AssetClass, Plant
from andon.recordings.mapping import load_mapping
from sandbox.station.faults import Fault, FaultKind
from sandbox.station.record import write_recording
from sandbox.station.sensors import SENSORS
from sandbox.station.simulate import Simulation, StationConfig, simulate

CONFIG = StationConfig()
PLANT = Path(__file__).parents[2] / "examples" / "pumps" / "plant.yaml"
SHORT = replace(CONFIG, training=60.0, live=60.0, faults=())


class Label(NamedTuple):
    """A row of the labels."""

    asset: str
    start: int
    end: int
    kind: str
    process: bool
    tag: str | None

    @property
    def sensor(self) -> str:
        return self.tag or "none"


@cache
def default() -> Simulation:
    return simulate(CONFIG)


@cache
def fault_free() -> Simulation:
    return simulate(replace(CONFIG, faults=()))


@cache
def pump() -> AssetClass:
    return Plant.model_validate(yaml.safe_load(PLANT.read_text(encoding="utf-8"))).classes["pump"]


def inside(label: Label) -> pl.Expr:
    return (pl.col("asset") == label.asset) & pl.col("time").is_between(label.start, label.end, closed="left")


def labels(*, process: bool) -> list[Label]:
    return [label for label in map(Label._make, default().labels.rows()) if label.process == process]


def labelled(kind: FaultKind) -> pl.Series:
    """Readings of the first sensor at fault in this way."""
    label = next(label for label in labels(process=False) if label.kind == kind)
    return default().frames.filter(inside(label))[label.sensor]


def largest(readings: pl.Series) -> float:
    """The largest amount, up or down, of those not missing."""
    return float(np.nanmax(np.abs(readings.to_numpy())))


def longest_run(holds: pl.Series) -> int:
    """Most rows in a row for which a condition holds."""
    ends = np.flatnonzero(~holds.fill_null(False).to_numpy())
    return int(np.diff(ends, prepend=-1, append=len(holds)).max()) - 1


def without_sensor_faults() -> pl.DataFrame:
    frames = default().frames
    for label in labels(process=False):
        frames = frames.with_columns(pl.when(inside(label).not_()).then(pl.col(label.sensor)).alias(label.sensor))
    return frames


def test_every_pump_has_one_row_a_scan_in_time_order() -> None:
    frames = default().frames
    assert frames.columns == ["asset", "time", *SENSORS]
    assert frames.height == 4 * (7_200 + 5_400)
    assert frames["time"].is_sorted()
    assert frames.group_by("asset").agg(pl.col("time").diff().drop_nulls().unique()).get_column("time").to_list() == (
        [[1_000_000]] * 4
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    written = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        write_recording(simulate(replace(SHORT, seed=seed)), tmp_path / name)
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_training_is_normal_and_live_holds_all_faults() -> None:
    whole = default()
    assert whole.training.labels.is_empty()
    assert whole.live.labels.equals(whole.labels)
    assert pl.concat([whole.training.frames, whole.live.frames]).equals(whole.frames)


def test_training_covers_the_load_of_the_live_part() -> None:
    training, live = (part["speed"].drop_nulls() for part in (default().training.frames, fault_free().live.frames))
    lowest, highest = training.quantile(0.001), training.quantile(0.999)
    assert lowest is not None
    assert highest is not None
    assert live.is_between(lowest - 5, highest + 5).mean() == pytest.approx(1.0, abs=0.002)


def test_default_scenario_shows_every_kind_with_normal_running_between() -> None:
    found = default().labels
    assert set(found["kind"]) == set(FaultKind)
    assert found["process"].sum() == 10
    for _, group in found.filter("process").sort("start").group_by("asset"):
        pauses = group["start"][1:] - group["end"][:-1]
        assert (pauses >= 5 * 60 * 1_000_000).all()


def test_labels_tell_machine_from_sensor() -> None:
    for label in labels(process=True) + labels(process=False):
        assert label.process == FaultKind(label.kind).process == (label.tag is None)
        assert default().live_from <= label.start < label.end


def test_a_stuck_sensor_rests() -> None:
    assert labelled(FaultKind.SENSOR_STUCK).drop_nulls().n_unique() == 1


def test_a_dead_sensor_says_nothing() -> None:
    assert labelled(FaultKind.SENSOR_DROPOUT).null_count() == labelled(FaultKind.SENSOR_DROPOUT).len()


def test_a_drifting_sensor_ends_out_of_its_range() -> None:
    readings = labelled(FaultKind.SENSOR_DRIFT).drop_nulls()
    assert readings[0] < 16
    assert readings[-1] > SENSORS["water_temperature"].high


def test_a_loose_contact_jumps_now_and_then() -> None:
    jumping = labelled(FaultKind.SENSOR_SPIKES).to_numpy() > 5
    assert 0.05 < jumping.mean() < 0.3


def test_sensor_faults_change_nothing_outside_their_labels() -> None:
    sensors_only = replace(CONFIG, faults=tuple(fault for fault in CONFIG.faults if not fault.kind.process))
    faulty, sound = simulate(sensors_only).frames, fault_free().frames
    for label in labels(process=False):
        restored = pl.when(inside(label)).then(sound[label.sensor]).otherwise(pl.col(label.sensor))
        faulty = faulty.with_columns(restored.alias(label.sensor))
    assert faulty.equals(sound)


@pytest.mark.parametrize(("tag", "trace"), [("flow", 1.0), ("vibration", 0.1), ("bearing_temperature", 1.0)])
def test_process_faults_leave_no_trace_outside_their_labels(tag: str, trace: float) -> None:
    outside = pl.all_horizontal([inside(label).not_() for label in labels(process=True)])
    change = without_sensor_faults()[tag] - fault_free().frames[tag]
    assert largest(change.filter(default().frames.select(outside).to_series())) < trace


@pytest.mark.parametrize("label", labels(process=True), ids=lambda label: f"{label.kind} of {label.asset[-6:]}")
def test_every_process_fault_shows_in_the_readings(label: Label) -> None:
    tag, least = {
        "valve_closing": ("flow", 15.0),
        "wear": ("vibration", 0.5),
        "cavitation": ("suction_pressure", 0.3),
        "bearing_damage": ("bearing_temperature", 8.0),
    }[label.kind]
    change = default().frames.filter(inside(label))[tag] - fault_free().frames.filter(inside(label))[tag]
    assert largest(change) > least


def test_the_plant_model_is_that_of_the_simulated_station() -> None:
    plant = Plant.model_validate(yaml.safe_load(PLANT.read_text(encoding="utf-8")))
    assert tuple(plant.assets) == CONFIG.assets
    assert {name: tag.range for name, tag in pump().tags.items()} == {
        name: (sensor.low, sensor.high) for name, sensor in SENSORS.items()
    }
    assert {case.asset_class for case in plant.use_cases} == {"pump"}


@pytest.mark.parametrize("tag", SENSORS)
def test_data_quality_rules_mark_no_sample_of_a_sound_sensor(tag: str) -> None:
    """Also of no pump at fault: an anomaly taken for a bad sensor would be hidden from the model."""
    rules, readings = pump().tags[tag], without_sensor_faults().select("asset", tag)
    assert rules.range is not None
    assert rules.max_rate is not None
    assert readings[tag].drop_nulls().is_between(*rules.range).all()
    change = readings.select(pl.col(tag).diff().abs().over("asset")).to_series()
    assert largest(change) < 0.75 * rules.max_rate
    if rules.stuck_after is not None:
        assert 3 * longest_run(change <= rules.deadband) < rules.stuck_after / 1_000_000


@pytest.mark.parametrize("tag", SENSORS)
def test_normal_running_breaks_no_alarm_limit(tag: str) -> None:
    limits, readings = pump().tags[tag].limits, fault_free().frames[tag].drop_nulls().to_numpy()
    if limits is not None:
        assert limits.low is None or readings.min() > limits.low
        assert limits.high is None or readings.max() < limits.high


def test_benign_gaps_are_rare() -> None:
    missing = np.mean([fault_free().frames[tag].null_count() for tag in SENSORS]) / fault_free().frames.height
    assert missing == pytest.approx(CONFIG.missing, rel=0.3)


def test_recording_has_a_valid_mapping_and_no_label_inside(tmp_path: Path) -> None:
    write_recording(simulate(SHORT), tmp_path)
    mapping = load_mapping(tmp_path / "mapping.yaml")
    frames = pl.read_parquet(tmp_path / mapping.files)
    assert set(mapping.assets[0].columns.values()) == set(pump().tags)
    assert set(frames.columns) == {"asset", str(mapping.time.column), *mapping.assets[0].columns}
    assert frames.schema["time"] == pl.Int64
    assert pl.read_parquet(tmp_path / "labels.parquet").schema == default().labels.schema


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: replace(SHORT, scan=0.0), "scan"),
        (lambda: replace(SHORT, training=-1.0), "training"),
        (lambda: replace(SHORT, faults=(Fault(FaultKind.WEAR, 4, 0.0, 10.0),)), "pump 4"),
        (lambda: replace(SHORT, faults=(Fault(FaultKind.WEAR, 0, 60.0, 10.0),)), "after the live part"),
        (
            lambda: replace(SHORT, faults=(Fault(FaultKind.SENSOR_STUCK, 0, 0.0, 10.0, tag="hue"),)),
            "'hue' is no sensor",
        ),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(make: Callable[[], StationConfig], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        make()
