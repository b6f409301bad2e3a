"""Andon beside Faust, Quix Streams and bare loops: the same three jobs, on the same topics, in the same run."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence

from bench.common import result, table
from bench.page import DOCS, write_section
from bench.peers.chart import chart
from bench.peers.measure import Run, measure_job
from bench.peers.peer import PEERS, Peer
from bench.peers.report import COLUMNS, TITLES, Runs, figures, rows_of, section
from bench.subjects.job import Job

_ROUNDS, _LIVE_S = 5, 1.5
_QUICK_SHARE = 0.6


def _measure(rounds: int, share: float, live_s: float, jobs: Mapping[Job, Sequence[Peer]]) -> Runs:
    runs: dict[Job, dict[str, list[Run]]] = {job: {} for job in jobs}
    for _ in range(rounds):
        for job, peers in jobs.items():
            for name, run in asyncio.run(measure_job(job, peers, share=share, live_s=live_s)).items():
                runs[job].setdefault(name, []).append(run)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="one short run of what the ratios need, without latency")
    form.add_argument("--write", action="store_true", help="write table and chart into docs/benchmarks.md, too")
    parser.add_argument(
        "--rounds", type=int, default=_ROUNDS, help="runs of each in the full form (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        jobs = {job: [peer for peer in PEERS if job in peer.quick] for job in Job}
        runs = _measure(1, _QUICK_SHARE, 0, jobs)
    else:
        runs = _measure(arguments.rounds, 1, _LIVE_S, dict.fromkeys(Job, PEERS))
    for job, found in runs.items():
        table(TITLES[job], COLUMNS, rows_of(found))
    if arguments.write:
        write_section("peers", section(runs))
        (DOCS / "peers.svg").write_text(chart(runs))
    result("peers", **figures(runs))


if __name__ == "__main__":
    main()
