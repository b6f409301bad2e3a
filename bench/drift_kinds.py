"""What each detector of drift sees: how long it takes to find changes of several kinds, at one rate of false alarms.

The values are independent, so that only the detectors are compared. What dependence does to them: `bench.drift`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.common import is_quick, result, table
from services.drift.detectors.adwin import Adwin
from services.drift.detectors.components import Components, principal_directions
from services.drift.detectors.cusum import Cusum, VarianceCusum
from services.drift.detectors.detector import Detector
from services.drift.detectors.e_detector import EDetector, gaussian_cumulants
from services.drift.detectors.ewma import Ewma, VarianceEwma
from services.drift.detectors.grid import even_grid, quantile_grid
from services.drift.detectors.jensen_shannon import JensenShannon
from services.drift.detectors.joint_detector import JointDetector
from services.drift.detectors.kolmogorov_smirnov import KolmogorovSmirnov
from services.drift.detectors.mmd import Mmd, fourier_features
from services.drift.detectors.page_hinkley import PageHinkley
from services.drift.detectors.psi import Psi
from services.drift.detectors.wasserstein import Wasserstein

Floats = NDArray[np.float64]
#: Values before the change, in which a detector fills, and after it, within which it must be found.
BEFORE, AFTER = 500, 1_000
#: Share of runs without a change in which there may be an alarm within `AFTER` values.
FALSE = 0.05
_REFERENCE = 20_000
_CORRELATION = 0.8
_MIX = np.linalg.cholesky(np.array([[1, _CORRELATION], [_CORRELATION, 1]]))
_ROW = np.arange(1, AFTER + 1)[:, np.newaxis]

#: What becomes of the first of two related features ``[rows, runs]``.
Change = Callable[[Floats, np.random.Generator], Floats]
CHANGES: Mapping[str, Change] = {
    "mean + 1 sd": lambda first, random: first + 1,
    "variance x 2": lambda first, random: first * np.sqrt(2),
    "ramp, 1 sd in 500": lambda first, random: first + _ROW / 500,
    "skewed": lambda first, random: random.exponential(1, first.shape) - 1,
    "stuck": lambda first, random: np.zeros_like(first),
    "correlation gone": lambda first, random: random.standard_normal(first.shape),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A detector's delays; None where it finds nothing in half of the runs."""

    name: str
    false: float
    """Share of runs without a change in which it raised an alarm."""
    delays: tuple[int | None, ...]


def _makers(runs: int, random: np.random.Generator) -> dict[str, Callable[[], Detector]]:
    reference = random.standard_normal((_REFERENCE, 2)) @ _MIX.T
    same = np.repeat(reference[:, :1], runs, axis=1)
    tilts = np.concatenate([sizes := np.geomspace(0.1, 1, 5), -sizes])
    deciles, even = quantile_grid(same), even_grid(same)
    return {
        "cusum": lambda: Cusum(runs),
        "variance_cusum": lambda: VarianceCusum(runs),
        "ewma": lambda: Ewma(runs),
        "variance_ewma": lambda: VarianceEwma(runs),
        "page_hinkley": lambda: PageHinkley(runs),
        "adwin": lambda: Adwin(runs),
        "e_detector": lambda: EDetector(tilts, gaussian_cumulants(tilts, runs)),
        "psi": lambda: Psi(deciles, half_life=100),
        "kolmogorov_smirnov": lambda: KolmogorovSmirnov(deciles, half_life=100),
        "jensen_shannon": lambda: JensenShannon(deciles, half_life=100),
        "wasserstein": lambda: Wasserstein(even, half_life=100),
        "components": lambda: Components(runs, principal_directions(reference), half_life=100),
        "mmd": lambda: Mmd(runs, fourier_features(reference), half_life=100),
    }


def _pair(rows: int, runs: int, random: np.random.Generator) -> Floats:
    """Return two related features of every run, ``[rows, runs, 2]``."""
    return np.asarray(random.standard_normal((rows, runs, 2)) @ _MIX.T)


def _course(detector: Detector, before: Floats, after: Floats) -> Floats:
    """Return the statistic ``[rows, runs]`` after each value that comes after the change."""
    takes_both = isinstance(detector, JointDetector)
    detector.update(before if takes_both else before[..., 0])
    found = np.empty(after.shape[:2])
    for number, row in enumerate(after):
        detector.update(row[np.newaxis] if takes_both else row[np.newaxis, :, 0])
        found[number] = detector.statistic
    return found


def _delays(course: Floats, threshold: Floats) -> Floats:
    """Return after how many values ``[runs]`` each run has its first alarm; infinite if it has none."""
    is_alarm = course > threshold
    return np.where(is_alarm.any(axis=0), is_alarm.argmax(axis=0) + 1.0, np.inf)


def _kind(name: str, make: Callable[[], Detector], runs: int, seed: int) -> Kind:
    """Set a detector's threshold on runs without a change, then count on others."""
    random = np.random.default_rng(seed)

    def course(change: Change | None) -> Floats:
        before, after = _pair(BEFORE, runs, random), _pair(AFTER, runs, random)
        if change is not None:
            after[..., 0] = change(after[..., 0], random)
        return _course(make(), before, after)

    threshold = np.asarray(np.quantile(course(None).max(axis=0), 1 - FALSE))
    false = float(np.isfinite(_delays(course(None), threshold)).mean())
    medians = [float(np.median(_delays(course(change), threshold))) for change in CHANGES.values()]
    return Kind(name, false, tuple(round(median) if np.isfinite(median) else None for median in medians))


def main() -> None:
    """Print the table, and how many kinds of change each detector finds."""
    runs = 100 if is_quick(__doc__ or "") else 1_000
    makers = _makers(runs, np.random.default_rng(0))
    kinds = [_kind(name, make, runs, seed=1) for name, make in makers.items()]
    trivial = [Kind("always fires", 1.0, (1,) * len(CHANGES)), Kind("never fires", 0.0, (None,) * len(CHANGES))]
    table(
        f"Median of {runs:,} runs: values until a change is found, at alarms in {FALSE:.0%} of runs without one",
        ("detector", "false alarms", *CHANGES),
        [
            (kind.name, f"{kind.false:.1%}", *("-" if delay is None else f"{delay}" for delay in kind.delays))
            for kind in (*kinds, *trivial)
        ],
    )
    result(
        "drift_kinds",
        false_alarms_worst=max(kind.false for kind in kinds),
        **{f"found_{kind.name}": sum(delay is not None for delay in kind.delays) for kind in kinds},
    )


if __name__ == "__main__":
    main()
