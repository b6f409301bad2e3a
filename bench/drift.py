"""Drift: false alarms against the contract, delays against River's detectors at the same rate, and two recordings.

A contract of one false alarm in 10,000 samples, for everybody; a reference of 20,000 samples of the same process. The
parameters of River's detectors are those of `bench.drift_others`, whose rates the first table shows.
"""

from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from andon.clock import SECOND
from bench.common import result, table
from bench.drift_laws import LAWS
from bench.drift_others import OTHERS, TRIVIAL, Other, alarms, first_alarm
from bench.drift_recordings import show_recordings
from bench.drift_streams import SCENARIOS, Floats, Scenario, changing, frame, stationary
from services.drift.calibration import calibrate
from services.drift.calibration.contract import PERIOD
from services.drift.monitor import Monitor

#: Samples between false alarms that the contract of this bench asks for, and the same in 30 days of one a second.
_PATIENCE = 10_000
_FALSE_ALARMS = PERIOD / SECOND / _PATIENCE
_REFERENCE, _LAW_REFERENCE = 20_000, 5_000
#: Stationary samples between the reference and the change, and samples after it; who finds nothing is counted there.
_CALM, _HORIZON = 1_000, 5_000
_PHIS = (0.0, 0.5, 0.9, 0.99)
#: Samples at a time, to bound memory.
_BLOCK = 2_000
#: Of the stationary streams; no parameter of anything was chosen on these, nor on those of the changes.
_SEED = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is run."""

    streams: int
    samples: int
    """Stationary samples of each."""
    seeds: range
    phis: tuple[float, ...]
    """Processes that change."""
    slow_samples: int
    """Stationary samples for slow detectors, of ten streams."""
    law_samples: int
    """Samples of each stream of another law."""


_QUICK = Size(20, 10_000, range(1_000, 1_020), (0.9,), 3_000, 2_000)
_FULL = Size(20, 100_000, range(1_000, 1_020), (0.9, 0.5, 0.0), 20_000, 20_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter streams, without KSWIN's delays, under 60 s")
    parser.add_argument("--data", type=Path, help="folder with recordings: skab/anomaly-free and gas_drift")
    arguments = parser.parse_args()
    size = _QUICK if arguments.quick else _FULL
    ratio = _show_rates(size)
    _show_laws(size)
    wins = {phi: _show_delays(size.seeds, phi, quick=arguments.quick) for phi in size.phis}
    found = show_recordings(arguments.data, _FALSE_ALARMS)
    result("drift", false_alarm_ratio=ratio, wins=wins[0.9], of=len(SCENARIOS), **found)


def _show_rates(size: Size) -> float:
    """Show false alarms on stationary streams; return the most that the monitor raises of those allowed."""
    allowed = size.streams * size.samples / _PATIENCE
    counts = _monitor_alarms(size)
    rows = [
        [f"Andon, phi {phi}", "", str(count), f"{allowed:.0f}", f"{count / allowed:.2f}"]
        for phi, count in counts.items()
    ]
    rows += [_rate(other, size) for other in (*OTHERS, *TRIVIAL)]
    table(
        f"False alarms on stationary streams ({size.streams} of {size.samples:,} samples; River's: phi 0.9)",
        ("detector", "set to", "alarms", "allowed", "ratio"),
        rows,
    )
    return max(counts.values()) / allowed


def _monitor_alarms(size: Size) -> Counter[str]:
    """Return the monitor's alarms by phi."""
    return _count(
        {
            f"{phi:g}": stationary(phi, _REFERENCE + size.samples, size.streams, np.random.default_rng(_SEED + i))
            for i, phi in enumerate(_PHIS)
        },
        _REFERENCE,
    )


def _show_laws(size: Size) -> None:
    """Show the monitor's false alarms where its models are wrong."""
    samples, allowed = size.law_samples, size.streams * size.law_samples / _PATIENCE
    streams = {
        name: law(np.random.default_rng(_SEED + i), _LAW_REFERENCE + samples, size.streams)
        for i, (name, law) in enumerate(LAWS.items())
    }
    counts = _count(streams, _LAW_REFERENCE)
    rows = [[name, str(counts[name]), f"{allowed:.0f}", f"{counts[name] / allowed:.2f}"] for name in LAWS]
    title = f"False alarms of Andon on other laws ({size.streams} of {samples:,} samples, reference {_LAW_REFERENCE:,})"
    table(title, ("law", "alarms", "allowed", "ratio"), rows)


def _count(streams: dict[str, Floats], learned: int) -> Counter[str]:
    """Return the monitor's alarms by name; each of [samples, streams] is a machine with a reference of its own."""
    values = {name: each[..., None] for name, each in streams.items()}
    reference = [frame(each[:learned], 0, f"{name}/") for name, each in values.items()]
    found: Counter[str] = Counter(dict.fromkeys(streams, 0))
    monitor = Monitor(calibrate(pl.concat(reference), _FALSE_ALARMS, SECOND))
    for first in range(learned, max(map(len, values.values())), _BLOCK):
        block = [frame(each[first : first + _BLOCK], first, f"{name}/") for name, each in values.items()]
        alarmed = {(f.asset, f.time) for f in monitor.update(pl.concat(block)) if f.active}
        found.update(asset.rsplit("/", 1)[0] for asset, _ in alarmed)
    return found


def _rate(other: Other, size: Size) -> list[str]:
    """Run another detector on stationary streams of phi .9; slow ones on fewer."""
    streams, samples = (10, size.slow_samples) if other.slow else (size.streams, size.samples)
    values = stationary(0.9, samples, streams, np.random.default_rng(_SEED))
    count, allowed = sum(alarms(other.make(), column) for column in values.T), streams * samples / _PATIENCE
    return [other.name, other.parameter, str(count), f"{allowed:.0f}", f"{count / allowed:.2f}"]


def _show_delays(seeds: range, phi: float, *, quick: bool) -> int:
    """Show the median delay of every detector in every scenario; return in how many the monitor is the fastest.

    River's parameters are set for phi .9 only, so only there they are compared with.
    """
    others = [other for other in OTHERS if phi == 0.9 and not (quick and other.slow)]
    ours = [_median(_monitor_delays(scenario, phi, seeds)) for scenario in SCENARIOS]
    columns = [(other.name, _others_delays(other, phi, seeds)) for other in (*others, *TRIVIAL)]
    real = [delays for name, delays in columns if name not in {other.name for other in TRIVIAL}]
    rows = [
        [scenario.name, f"{ours[i]:.0f}", *(f"{delays[i]:.0f}" for _, delays in columns)]
        for i, scenario in enumerate(SCENARIOS)
    ]
    title = f"Samples from the change to its finding, phi {phi:g} (medians of {len(seeds)}; {_HORIZON:,}: not found)"
    table(title, ("scenario", "Andon", *(name for name, _ in columns)), rows)
    return sum(all(ours[i] < delays[i] for delays in real) for i in range(len(SCENARIOS))) if real else 0


def _monitor_delays(scenario: Scenario, phi: float, seeds: range) -> list[int]:
    values = changing(scenario, phi, _REFERENCE + _CALM, _HORIZON, seeds)
    monitor = Monitor(calibrate(frame(values[:_REFERENCE], 0), _FALSE_ALARMS, SECOND))
    found = monitor.update(frame(values[_REFERENCE:], _REFERENCE))
    delays = dict.fromkeys((str(i) for i in range(len(seeds))), _HORIZON)
    for finding in found:
        after = finding.time // SECOND - (_REFERENCE + _CALM) + 1
        if finding.active and after > 0:
            delays[finding.asset] = min(delays[finding.asset], after)
    return list(delays.values())


def _others_delays(other: Other, phi: float, seeds: range) -> list[float]:
    with ProcessPoolExecutor(2) as workers:
        names = [other.name] * len(SCENARIOS)
        return list(workers.map(_other_delay, names, range(len(SCENARIOS)), [phi] * len(names), [seeds] * len(names)))


def _other_delay(name: str, scenario: int, phi: float, seeds: range) -> float:
    """Return another detector's median delay; it sees the reference first, and each sensor has one of its own."""
    other = next(each for each in (*OTHERS, *TRIVIAL) if each.name == name)
    values = changing(SCENARIOS[scenario], phi, _REFERENCE + _CALM, _HORIZON, seeds)
    return _median([_first(other, values[:, machine]) for machine in range(len(seeds))])


def _first(other: Other, machine: Floats) -> int:
    """Return the delay of the first alarm at any sensor, of [samples, sensors]."""
    begin = _REFERENCE + _CALM
    known = machine[begin - _CALM if other.slow else 0 : begin]  # slow ones keep no more than a window anyway
    delays = []
    for sensor in range(machine.shape[1]):
        detector = other.make()
        alarms(detector, known[:, sensor])
        delays.append(first_alarm(detector, machine[begin:, sensor]) or _HORIZON)
    return min(delays)


def _median(delays: list[int]) -> float:
    return float(median(delays))


if __name__ == "__main__":
    main()
