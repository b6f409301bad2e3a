"""Are causes of drift told right? Faults of the simulated pump station, played to the drift service's own logic.

    python -m bench.drift_causes [--quick]

Each row is what was played, each column what was said of it last while it went on. The last line is JSON: `right`, the
share of faults whose cause is right or honestly `unknown` / `none` left out, `wrong`, the share told wrongly, and
`false_alarms_per_30_days` of pumps without a fault.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from andon.clock import SECOND
from andon.contracts import FeatureVector
from andon.plant.columns import event_schema
from andon.plant.load import load_plant
from sandbox.station.faults import Fault, FaultKind
from sandbox.station.simulate import Simulation, StationConfig, simulate
from services.drift.machines import Machines
from services.drift.settings import WatchSettings
from services.drift.watch import Watch
from services.trainer.dataset import offline_vectors, order_for, with_regimes
from services.trainer.train import train_class

_PLANT = load_plant(Path(__file__).parents[1] / "examples" / "pumps" / "plant.yaml")
_PUMP = _PLANT.classes["pump"]
#: No number of the drift service was chosen by these.
_SEEDS = range(11, 16)
_TRAINING, _LIVE, _START, _LONG = 14_400.0, 7_200.0, 1_800.0, 5_400.0
_MONTH = 30 * 86_400
#: What the fault is; `bearing_damage` is of the machine, too, but all models of it look at two signals only.
_EXPECTED = {
    FaultKind.WEAR: "process_drift",
    FaultKind.VALVE_CLOSING: "process_drift",
    FaultKind.CAVITATION: "process_drift",
    FaultKind.BEARING_DAMAGE: "process_drift",
    FaultKind.SENSOR_STUCK: "sensor_fault",
    FaultKind.SENSOR_DRIFT: "sensor_fault",
    FaultKind.SENSOR_DROPOUT: "sensor_fault",
}
_TAGS = ("flow", "power", "bearing_temperature", "discharge_pressure")
#: Said of a fault that was not found.
_NOTHING = "none"


def _sets() -> Iterator[tuple[Fault, ...]]:
    """Yield what befalls the four pumps of a station, one run each."""
    process = [kind for kind in _EXPECTED if kind.process]
    yield tuple(Fault(kind, pump, _START, _LONG, severity=0.6) for pump, kind in enumerate(process))
    for kind in (kind for kind in _EXPECTED if not kind.process):
        yield tuple(Fault(kind, pump, _START, _LONG, tag=tag) for pump, tag in enumerate(_TAGS))
    yield ()


def main() -> None:
    """Print the table."""
    seeds = list(_SEEDS)[:1] if "--quick" in sys.argv else list(_SEEDS)
    said: Counter[tuple[str, str]] = Counter()
    alarms, seconds = 0, 0.0
    for seed in seeds:
        for faults in _sets():
            found = _play(StationConfig(seed=seed, training=_TRAINING, live=_LIVE, faults=faults))
            said.update((str(fault.kind), found[fault.pump][0]) for fault in faults)
            if not faults:
                alarms, seconds = alarms + sum(count for _, count in found), seconds + _LIVE * len(found)
    _show(said)
    faults_played = sum(said.values())
    right = sum(count for (kind, cause), count in said.items() if _EXPECTED[FaultKind(kind)] == cause)
    wrong = faults_played - right - sum(count for (_, cause), count in said.items() if cause in ("unknown", _NOTHING))
    print(f"{alarms} false alarms in {seconds / 3_600:.0f} pump hours without a fault; {len(seeds)} seeds")
    figures = {"right": right / faults_played, "wrong": wrong / faults_played}
    print(json.dumps({**figures, "false_alarms_per_30_days": alarms / seconds * _MONTH}))


def _play(config: StationConfig) -> list[tuple[str, int]]:
    """Return for each pump the cause told last while its fault went on, and how often drift was reported."""
    simulation = simulate(config)
    learned = _vectors(simulation.training)
    model = train_class(with_regimes(learned, simulation.training.frames, _PUMP), order_for(_PLANT, "pump", "bench"))
    watch = Watch.of(model.seal(1), _PUMP)
    if not isinstance(watch, Watch):
        raise SystemExit(watch.reason)
    machines = Machines(watch, _PUMP, WatchSettings())
    end = simulation.live_from + round((_START + _LONG) * SECOND)
    told, counts = dict.fromkeys(config.assets, _NOTHING), Counter[str]()
    for change in machines.take(_vectors(simulation.live)):
        standing = change.standing
        counts[change.window.asset] += standing.state == "drift"
        if change.window.time <= end and standing.state in ("stable", "drift"):
            told[change.window.asset] = standing.cause
    return [(told[asset], counts[asset]) for asset in config.assets]


def _vectors(simulation: Simulation) -> pl.DataFrame:
    """Return the windows of a simulation as the drift stage receives them."""
    frames = simulation.frames.select("asset", "time", values=pl.struct(list(_PUMP.tags)))
    schema = event_schema(FeatureVector, _PUMP)
    return (
        offline_vectors(frames, _PUMP)
        .sort("time", "asset")
        .with_columns(
            ingest_time=pl.col("time"),
            definition=pl.lit(_PUMP.feature_definition.hash),
            context=pl.lit(None, dtype=schema["context"]),
            traceparent=pl.lit(None, dtype=pl.String),
        )
        .with_columns(offset=pl.int_range(pl.len(), dtype=pl.Int64))
    )


def _show(said: Counter[tuple[str, str]]) -> None:
    causes = ("process_drift", "sensor_fault", "unknown", "model_decay", _NOTHING)
    print("| played | " + " | ".join(causes) + " |")
    print("| --- |" + " ---: |" * len(causes))
    for kind in _EXPECTED:
        cells = (f"**{said[kind, c]}**" if c == _EXPECTED[kind] else str(said[kind, c]) for c in causes)
        print(f"| {kind} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
