"""Tennessee Eastman process, faults 1 to 10: detection against PCA at the same share of false alarms.

Both learn from `d00` and take their limit from `d00_te`; detection is the share of the 800 samples of `dNN_te` in which
the fault is active that are flagged, false alarms the share of the 160 samples before it. Ours is family `rolling` on
the mean of the last `window` samples; the window is the one that detects most in the training files `dNN`, whose faults
are known.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from andon.evaluation import Confusion, Record, confusion
from andon.evaluation.record import Floats
from bench.common import result, table
from bench.layouts import TEP_FAULT_FROM, Labelled, tep_file
from services.trainer.families import FAMILIES, Effort, Period

_FAULTS = range(1, 11)
_WINDOWS = (3, 5, 10, 20, 30)
#: Share of the normal samples of `d00_te` below our limit. Neighbouring means share samples, so high ones come in runs
#: and a quantile of 99 % says little: one of 99.9 % keeps to 1 % of false alarms.
_QUANTILE = 0.999
#: Components and quantile of the reference (Russell, Chiang and Braatz 2000, Fault detection in industrial processes
#: using canonical variate analysis and dynamic principal component analysis).
_COMPONENTS, _PCA_QUANTILE = 11, 0.99

#: Values ``[n, d]`` to the scores of the last rows, above 1 where one is flagged.
Detector = Callable[[Floats], Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the .dat.xz files")
    folder = parser.parse_args().data
    normal, later = (tep_file(folder, name).values for name in ("d00", "d00_te"))
    training = [tep_file(folder, f"d{fault:02}") for fault in _FAULTS]
    tests = [tep_file(folder, f"d{fault:02}_te") for fault in _FAULTS]
    found = {window: 1 - _judge(rolling(normal, later, window), training).mar for window in _WINDOWS}
    window = max(_WINDOWS, key=lambda each: found[each])
    ours, reference = rolling(normal, later, window), pca(normal, later)
    _show(tests, ours, reference, f"window {window}")
    print(f"detected in the training files, by window: {_told(found)}")
    counts, pca_counts = _judge(ours, tests), _judge(reference, tests)
    result(
        "tep",
        detection=1 - counts.mar,
        false_alarms=counts.far,
        pca_detection=1 - pca_counts.mar,
        pca_false_alarms=pca_counts.far,
    )


def rolling(normal: Floats, later: Floats, window: int) -> Detector:
    """Fit family `rolling` to means over *window* samples."""
    means = _trailing_mean(normal, window)
    names = [f"v{column}" for column in range(means.shape[1])]
    model = FAMILIES["rolling"](Period(means, means[:0], names, overlap=window - 1), Effort())

    def score(values: Floats) -> Floats:
        return np.asarray(model.contributions(_trailing_mean(values, window)).sum(axis=1))

    limit = float(np.quantile(score(later), _QUANTILE))
    return lambda values: score(values) / limit


def pca(normal: Floats, later: Floats) -> Detector:
    """Fit the reference: T2 and Q of eleven components, each at its limit."""
    mean, std = normal.mean(axis=0), normal.std(axis=0, ddof=1)
    variances, directions = np.linalg.eigh(np.cov(((normal - mean) / std).T))
    variances, directions = variances[::-1][:_COMPONENTS], directions[:, ::-1][:, :_COMPONENTS]

    def statistics(values: Floats) -> Floats:
        z = (values - mean) / std
        along = z @ directions
        rest = z - along @ directions.T
        return np.stack([(along**2 / variances).sum(axis=1), (rest**2).sum(axis=1)])

    limits = np.quantile(statistics(later), _PCA_QUANTILE, axis=1)
    return lambda values: np.asarray((statistics(values) / limits[:, None]).max(axis=0))


def _trailing_mean(values: Floats, window: int) -> Floats:
    """Return the mean ``[n - window + 1, d]`` of each row and those before it."""
    return np.asarray(sliding_window_view(values, window, axis=0).mean(axis=-1))


def _judge(detector: Detector, files: list[Labelled]) -> Confusion:
    """Judge all samples that there is a score of: none before the first window is full."""
    scored = [(file.truth, detector(file.values)) for file in files]
    return confusion(Record(truth[-len(score) :], score, score > 1) for truth, score in scored)


def _told(found: dict[int, float]) -> str:
    return ", ".join(f"{window}: {share:.3f}" for window, share in found.items())


def _show(tests: list[Labelled], ours: Detector, reference: Detector, note: str) -> None:
    rows = []
    for test in tests:
        each = [_judge(detector, [test]) for detector in (ours, reference)]
        alarms, detected = ([f"{counts.far:.4f}" for counts in each], [f"{1 - counts.mar:.3f}" for counts in each])
        rows.append((test.name, *alarms, *detected))
    table(
        f"Tennessee Eastman, flagged before and from sample {TEP_FAULT_FROM + 1} on; {note}",
        ("", "false alarms", "PCA's", "detection", "PCA's"),
        rows,
    )


if __name__ == "__main__":
    main()
