"""What it costs to watch 1,000 machines of 16 features for drift, a window a second: the monitor, and each detector."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
import psutil
from numpy.typing import NDArray

from andon.clock import SECOND
from bench.common import BenchError, is_quick, result, table
from services.drift.calibration import SCORE, calibrate
from services.drift.detectors.adwin import Adwin
from services.drift.detectors.components import Components, principal_directions
from services.drift.detectors.cusum import Cusum, VarianceCusum
from services.drift.detectors.detector import Detector
from services.drift.detectors.e_detector import EDetector, gaussian_cumulants
from services.drift.detectors.ewma import Ewma, VarianceEwma
from services.drift.detectors.grid import even_grid, quantile_grid
from services.drift.detectors.jensen_shannon import JensenShannon
from services.drift.detectors.kolmogorov_smirnov import KolmogorovSmirnov
from services.drift.detectors.mmd import Mmd, fourier_features
from services.drift.detectors.page_hinkley import PageHinkley
from services.drift.detectors.psi import Psi
from services.drift.detectors.wasserstein import Wasserstein
from services.drift.monitor import Monitor

Floats = NDArray[np.float64]
ASSETS, FEATURES = 1_000, 16
STREAMS = ASSETS * FEATURES
#: Machines in the reference, and windows of each: as many rows as a bundle holds of a class.
_REFERENCE_ASSETS, _REFERENCE_WINDOWS = 20, 1_000
#: Correlation of a feature from window to window.
_PHI = 0.9
_MIB = 2**20
_ALONE = "--monitor"
_NAMES = [f"feature_{number}" for number in range(FEATURES)]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a second of all machines took."""

    core_share: float
    """Processor time of all threads over the time that passes on the floor."""
    findings: int
    state_mib: float
    mib: float
    """Most resident memory of the process above what it held with everything imported, before the reference."""


class _Machines:
    """Machines whose features are AR(1), each its own stream; nothing changes."""

    def __init__(self, assets: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._values = self._random.standard_normal((assets, FEATURES))
        self._assets = pl.Series("asset", [f"area/line/cell/machine-{number}" for number in range(assets)])
        self._seconds = 0

    def second(self) -> pl.DataFrame:
        """Return the next window of every machine."""
        noise = self._random.standard_normal(self._values.shape)
        self._values = _PHI * self._values + np.sqrt(1 - _PHI**2) * noise
        self._seconds += 1
        return pl.DataFrame(self._values, schema=_NAMES).select(
            self._assets,
            pl.lit(self._seconds * SECOND, pl.Int64).alias("time"),
            pl.lit(None, pl.String).alias("regime"),
            pl.lit(self._random.exponential(0.3, len(self._values))).alias(SCORE),
            *_NAMES,
        )


def _monitor_cost(seconds: int) -> Cost:
    """Run the monitor in this process, which should have done nothing else yet."""
    before = psutil.Process().memory_info().rss
    known, machines = _Machines(_REFERENCE_ASSETS, seed=0), _Machines(ASSETS, seed=1)
    reference = pl.concat(known.second() for _ in range(_REFERENCE_WINDOWS))
    monitor = Monitor(calibrate(reference, false_alarms=1.0, step=SECOND))
    monitor.update(machines.second())
    spent, findings = 0.0, 0
    for _ in range(seconds):
        vectors = machines.second()
        begun = time.process_time()
        findings += len(monitor.update(vectors))
        spent += time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    state = sum(len(text) for text in monitor.snapshot(monitor.assets[0]).values()) * 3 / 4 * ASSETS
    return Cost(spent / seconds, findings, state / _MIB, (peak - before) / _MIB)


def _monitor_alone(seconds: int) -> Cost:
    """Run the monitor in a process of its own, so that nothing else is in its memory."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.drift_cost", _ALONE, str(seconds)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"the monitor ended with exit code {done.returncode}:\n{done.stderr[-2_000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _detectors(random: np.random.Generator) -> dict[str, Callable[[], Detector]]:
    reference, vectors = random.standard_normal((1_000, STREAMS)), random.standard_normal((1_000, FEATURES))
    tilts = np.concatenate([sizes := np.geomspace(0.1, 1, 5), -sizes])
    return {
        "cusum": lambda: Cusum(STREAMS),
        "variance_cusum": lambda: VarianceCusum(STREAMS),
        "ewma": lambda: Ewma(STREAMS),
        "variance_ewma": lambda: VarianceEwma(STREAMS),
        "page_hinkley": lambda: PageHinkley(STREAMS),
        "e_detector": lambda: EDetector(tilts, gaussian_cumulants(tilts, STREAMS)),
        "psi": lambda: Psi(quantile_grid(reference)),
        "kolmogorov_smirnov": lambda: KolmogorovSmirnov(quantile_grid(reference)),
        "jensen_shannon": lambda: JensenShannon(quantile_grid(reference)),
        "wasserstein": lambda: Wasserstein(even_grid(reference)),
        "components": lambda: Components(ASSETS, principal_directions(vectors)),
        "mmd": lambda: Mmd(ASSETS, fourier_features(vectors)),
        "adwin": lambda: Adwin(STREAMS),
    }


def _detector_cost(detector: Detector, random: np.random.Generator, seconds: int) -> Cost:
    """Run one detector on a row a call, as windows come, and look at its statistic after each."""
    shape = (1, STREAMS) if detector.streams == STREAMS else (1, ASSETS, FEATURES)
    spent = []
    for _ in range(seconds + 1):
        row = random.standard_normal(shape)
        begun = time.process_time()
        detector.update(row)
        _ = detector.statistic
        spent.append(time.process_time() - begun)
    state = detector.bytes_per_stream * detector.streams
    return Cost(statistics.median(spent[1:]), 0, state / _MIB, state / _MIB)


def main() -> None:
    """Print both tables, or, as a child, the monitor's cost."""
    if _ALONE in sys.argv:
        print(json.dumps(asdict(_monitor_cost(int(sys.argv[-1])))))
        return
    quick = is_quick(__doc__ or "")
    monitor = _monitor_alone(60 if quick else 600)
    random = np.random.default_rng(2)
    costs = {name: _detector_cost(make(), random, 20 if quick else 100) for name, make in _detectors(random).items()}
    table(
        f"{ASSETS:,} machines of {FEATURES} features, a window each second, nothing changes",
        ("the monitor, in polls of a second", "of one core", "findings", "state MiB", "memory MiB"),
        [("", f"{monitor.core_share:.1%}", f"{monitor.findings}", f"{monitor.state_mib:.1f}", f"{monitor.mib:.0f}")],
    )
    table(
        f"Each detector by itself, {STREAMS:,} streams (joint ones: {ASSETS:,} vectors), a row each second",
        ("detector", "of one core", "state bytes a stream", "state MiB"),
        [
            (
                name,
                f"{cost.core_share:.2%}",
                f"{cost.state_mib * _MIB / (ASSETS if name in ('components', 'mmd') else STREAMS):,.0f}",
                f"{cost.state_mib:.1f}",
            )
            for name, cost in costs.items()
        ],
    )
    result(
        "drift_cost",
        core_share=monitor.core_share,
        mib=monitor.mib,
        state_mib=monitor.state_mib,
        **{f"core_share_{name}": cost.core_share for name, cost in costs.items()},
    )


if __name__ == "__main__":
    main()
