"""SKAB: detection of a failing valve, causal, against T2+Q and the trivial detectors, by the benchmark's protocol.

Each file's first 400 rows are learned from, the rest is judged; rows are pooled over all files, without point
adjustment. One configuration for all files; how it was chosen: `bench.skab_choice`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from andon.evaluation import Figures, Record, figures
from andon.evaluation.record import Floats
from andon.evaluation.trivial import always, at_random, persistence
from bench.common import result, table
from bench.layouts import NORMAL_ROWS, Labelled, skab_files
from bench.skab_detector import MARGIN, score
from bench.t2q import fit_t2q

#: Seconds between rows, and the longest buffer of VUS-PR in rows.
_STEP, _BUFFER = 1.0, 60
_OTHERS = ("pca", "robust", "forest", "dense", "convolution", "forecaster")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CSV files in SKAB's layout")
    parser.add_argument("--families", action="store_true", help="judge the other model families too (a minute)")
    arguments = parser.parse_args()
    files = skab_files(arguments.data)
    ours = _judge("Andon, rolling", files, lambda file: score(file.values) / MARGIN)
    t2q = _judge("T2+Q", files, _t2q)
    rows = [ours, t2q, _judge("T2+Q, textbook limit", files, lambda file: _t2q(file, textbook=True))]
    if arguments.families:
        rows += [_family(files, family) for family in _OTHERS]
    _show(rows + _trivial(files, ours), len(files))
    result("skab", **_result(ours, ""), **_result(t2q, "t2q_"))


def _judge(name: str, files: list[Labelled], scores: Callable[[Labelled], Floats]) -> Figures:
    """Judge a detector whose alarm begins at a score of 1."""
    scored = [scores(file) for file in files]
    records = [Record(file.truth[NORMAL_ROWS:], each, each > 1) for file, each in zip(files, scored, strict=True)]
    return figures(name, records, step=_STEP, buffer=_BUFFER)


def _family(files: list[Labelled], family: str) -> Figures:
    return _judge(f"Andon, {family}", files, lambda file: score(file.values, family=family) / MARGIN)


def _t2q(file: Labelled, *, textbook: bool = False) -> Floats:
    return fit_t2q(file.values[:NORMAL_ROWS], textbook=textbook).score(file.values[NORMAL_ROWS:])


def _trivial(files: list[Labelled], ours: Figures) -> list[Figures]:
    """Judge the trivial detectors; the random one raises its alarm as often as ours in normal rows."""
    random = np.random.default_rng(0)
    tests = [(file.truth[NORMAL_ROWS:], file.values[NORMAL_ROWS:], file.values[:NORMAL_ROWS]) for file in files]
    detectors = {
        "always on": [always(truth) for truth, _, _ in tests],
        "at random": [at_random(truth, ours.far, random) for truth, _, _ in tests],
        "persistence": [persistence(*test) for test in tests],
    }
    return [figures(name, records, step=_STEP, buffer=_BUFFER) for name, records in detectors.items()]


def _show(rows: list[Figures], files: int) -> None:
    columns = ("", "F1", "FAR", "MAR", "events", "delay rows", "false alarms/h", "VUS-PR", "range F1")
    table(
        f"SKAB, {files} files, causal, one configuration",
        columns,
        [
            (
                row.name,
                *(f"{value:.3f}" for value in (row.f1, row.far, row.mar)),
                f"{row.found}/{row.events}",
                f"{row.delay:.0f}",
                f"{row.false_alarms_per_hour:.1f}",
                *(f"{value:.3f}" for value in (row.vus_pr, row.range_f1)),
            )
            for row in rows
        ],
    )


def _result(row: Figures, prefix: str) -> dict[str, float]:
    named = {
        "f1": row.f1,
        "far": row.far,
        "mar": row.mar,
        "events_found": row.found,
        "events": row.events,
        "delay_rows": row.delay,
        "false_alarms_per_hour": row.false_alarms_per_hour,
    }
    return {f"{prefix}{name}": value for name, value in named.items()}


if __name__ == "__main__":
    main()
