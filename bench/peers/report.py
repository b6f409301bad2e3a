"""What the runs gave, as tables, ratios and the page's section."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from bench.common import machine
from bench.page import markdown
from bench.peers.measure import Run
from bench.peers.peer import ANDON, PEERS, QUIX
from bench.subjects.job import Job

#: Runs of each peer at each job, one a round.
Runs = Mapping[Job, Mapping[str, Sequence[Run]]]
#: Distributions whose versions matter.
_PACKAGES = (
    "faust-streaming",
    "quixstreams",
    "aiokafka",
    "confluent-kafka",
    "polars",
    "numpy",
    "orjson",
    "onnxruntime",
)
COLUMNS = ("", "frames/s", "CPU s per million frames", "peak MiB", "p50 ms", "p99 ms")
TITLES = {
    Job.PASS: "Pass-through",
    Job.WINDOW: "Windows of a second, 32 features",
    Job.SCORE: "The same windows, scored by an auto-encoder",
}
_FIGURES: tuple[tuple[Callable[[Run], float], str], ...] = (
    (lambda run: run.frames_per_s, ",.0f"),
    (lambda run: run.cpu_us, ".1f"),
    (lambda run: run.peak_mib, ",.0f"),
    (lambda run: run.p50_ms, ",.0f"),
    (lambda run: run.p99_ms, ",.0f"),
)


def spread(values: Iterable[float], form: str) -> str:
    """Return the median of *values* and, of several, the smallest and the largest; a dash for none."""
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return "-"
    middle = format(statistics.median(known), form)
    return middle if len(known) == 1 else f"{middle} ({known[0]:{form}} to {known[-1]:{form}})"


def rows_of(runs: Mapping[str, Sequence[Run]]) -> list[tuple[str, ...]]:
    """Return a job's rows of `COLUMNS`, the fastest per processor time first."""
    ranked = sorted(runs, key=lambda name: statistics.median(run.cpu_us for run in runs[name]))
    return [(name, *(spread(map(figure, runs[name]), form) for figure, form in _FIGURES)) for name in ranked]


def ratios(runs: Mapping[str, Sequence[Run]], name: str) -> list[float]:
    """Return, for each round, Andon's frames per second of processor time over those of *name*."""
    pairs = zip(runs[ANDON], runs[name], strict=True)
    return [ours.frames_per_cpu_s / theirs.frames_per_cpu_s for ours, theirs in pairs]


def limit(runs: Mapping[str, Sequence[Run]]) -> str:
    """Return the bare loop that needs the least processor time."""
    bare = [peer.name for peer in PEERS if peer.bare and peer.name in runs]
    return min(bare, key=lambda name: statistics.median(run.cpu_us for run in runs[name]))


def figures(runs: Runs) -> dict[str, float]:
    """Return what the last line says: ratios of frames per second of processor time, medians of the rounds."""
    found = {f"ratio_quix_{job}": statistics.median(ratios(runs[job], QUIX)) for job in runs}
    measured = [job for job in runs if any(peer.bare and peer.name in runs[job] for peer in PEERS)]
    return found | {f"ratio_limit_{job}": statistics.median(ratios(runs[job], limit(runs[job]))) for job in measured}


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # the page can be made of runs that were measured elsewhere
        return f"{package} (not installed)"


def section(runs: Runs) -> str:
    """Return the page's section: the machine, the ratios, a table for each job and the chart."""
    rounds = len(next(iter(runs.values()))[ANDON])
    parts = [
        f"{machine()}; {', '.join(map(_named, _PACKAGES))}. "
        + ("One run." if rounds == 1 else f"{rounds} runs: the median, and in brackets the smallest and the largest."),
        "How many times the frames of each other Andon gets through in a second of processor time (below 1: fewer):",
        _ratio_table(runs),
        "![Frames per second of processor time](peers.svg)",
    ]
    for job, found in runs.items():
        parts += [f"**{TITLES[job]}**", markdown(COLUMNS, rows_of(found))]
    return "\n\n".join(parts)


def _ratio_table(runs: Runs) -> str:
    others = [peer.name for peer in PEERS if peer.name != ANDON]
    rows = [(TITLES[job], *(spread(ratios(found, name), ".2f") for name in others)) for job, found in runs.items()]
    return markdown(("", *others), rows)
