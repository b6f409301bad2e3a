"""How the configuration of `bench.skab` was chosen: on normal rows with faults put in, not on the labels of the runs.

The folder `anomaly-free` is cut into stretches as long as a run. Into each, one to three tags get a fault of random
kind and size from row 570 to 970, as in the runs: a shift of 0.75 to 3 standard deviations, at once or as a ramp, or
noise that shrinks or grows. For each window the margin is the one at which as many normal rows are flagged as T2+Q
flags on the same stretches; of the windows, the one with the best F1 is taken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from andon.evaluation import Confusion, Record, confusion
from andon.evaluation.record import Bools, Floats
from bench.common import table
from bench.layouts import NORMAL_ROWS, skab_files
from bench.skab_detector import score
from bench.t2q import fit_t2q

_LENGTH, _STRIDE, _FAULT = 1_150, 350, slice(570, 970)
_WINDOWS = (10, 15, 20, 30, 45, 60)
_SEEDS = range(4)


def stretches(values: Floats) -> list[Floats]:
    """Return stretches of normal rows ``[m, d]`` with a fault in each."""
    starts = range(0, len(values) - _LENGTH + 1, _STRIDE)
    generators = [np.random.default_rng(seed) for seed in _SEEDS]
    return [with_fault(values[first : first + _LENGTH], random) for random in generators for first in starts]


def with_fault(rows: Floats, random: np.random.Generator) -> Floats:
    """Return a copy of rows ``[n, d]`` with a fault in one to three tags."""
    faulty, spread = rows.copy(), rows[:NORMAL_ROWS].std(axis=0)
    for tag in random.choice(rows.shape[1], random.integers(1, 4), replace=False):
        part = faulty[_FAULT, tag]
        if random.choice(["shift", "shift", "noise"]) == "shift":
            ramp = np.minimum(1, np.arange(len(part)) / random.choice([1, 30, 60]))
            part += ramp * random.choice([-1, 1]) * random.uniform(0.75, 3) * spread[tag]
        else:
            part[:] = np.median(part) + (part - np.median(part)) * random.choice([0.4, 1.8, 2.5])
    return faulty


def judged(scores: list[Floats], margin: float) -> Confusion:
    """Judge the scores of stretches, of which an alarm begins at *margin*."""
    return confusion(Record(_truth(), each, each > margin) for each in scores)


def margin_for(scores: list[Floats], far: float) -> float:
    """Return the margin above which a share *far* of the normal rows lies."""
    return float(np.quantile(np.concatenate([each[~_truth()] for each in scores]), 1 - far))


def _truth() -> Bools:
    truth = np.zeros(_LENGTH, np.bool_)
    truth[_FAULT] = True
    return truth[NORMAL_ROWS:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="SKAB's folder anomaly-free")
    (normal,) = skab_files(parser.parse_args().data)
    runs = stretches(normal.values)
    t2q = judged([fit_t2q(run[:NORMAL_ROWS]).score(run)[NORMAL_ROWS:] for run in runs], 1)
    scores = {window: [score(run, window) for run in runs] for window in _WINDOWS}
    margins = {window: margin_for(found, t2q.far) for window, found in scores.items()}
    counts = {window: judged(found, margins[window]) for window, found in scores.items()}
    rows = [("T2+Q", t2q), *((f"{window} rows, margin {margins[window]:.2f}", counts[window]) for window in _WINDOWS)]
    table(
        f"{len(runs)} stretches of normal rows with faults put in",
        ("", "F1", "FAR", "MAR"),
        [(name, f"{each.f1:.3f}", f"{each.far:.3f}", f"{each.mar:.3f}") for name, each in rows],
    )
    best = max(_WINDOWS, key=lambda window: counts[window].f1)
    print(f"chosen: window {best} rows, margin {margins[best]:.2f}")


if __name__ == "__main__":
    main()
