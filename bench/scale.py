"""How cost grows: workers of a service, machines of a plant, tags of a machine; and what that means for a company.

``--write`` puts the tables into docs/sizing.md and the figures behind them into docs/sizing.json.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.common import machine, result
from bench.scale_assets import PER_WINDOW, measure_case, measure_scrape, measure_stored_case
from bench.scale_page import Measured, page, show
from bench.scale_workers import measure_sharing
from bench.sizing import MEASURED

_PAGE = Path(__file__).parent.parent / "docs" / "sizing.md"
_TAGS = 8


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is run.

    Attributes:
        workers: numbers of workers.
        shared_frames: frames that they share.
        assets: numbers of machines, with 8 tags each.
        tags: numbers of tags, of `machines` machines.
        machines: one of `assets`; with 8 tags it is the case whose topics are kept by the historian.
        values: in the frames of each number of machines, about; more where each must fill its windows.
        wide_values: in those of each other number of tags: what a value costs is less in wide frames.
    """

    workers: tuple[int, ...]
    shared_frames: int
    assets: tuple[int, ...]
    tags: tuple[int, ...]
    machines: int
    values: int
    wide_values: int


_FULL = _Plan((1, 2, 4, 8), 1_200_000, (10, 100, 1_000, 10_000, 100_000), (8, 32, 128, 512), 100, 2_400_000, 4_800_000)
_QUICK = _Plan((), 0, (100,), (8,), 100, 1_200_000, 0)


def _measure(plan: _Plan) -> Measured:
    stored, storage = measure_stored_case(plan.machines, _TAGS, plan.values // _TAGS)
    return Measured(
        machine=machine(),
        frames_per_window=PER_WINDOW,
        sharing=[measure_sharing(workers, plan.shared_frames) for workers in plan.workers],
        assets=[
            stored if assets == plan.machines else measure_case(assets, _TAGS, plan.values // _TAGS)
            for assets in plan.assets
        ],
        tags=[
            stored if tags == _TAGS else measure_case(plan.machines, tags, plan.wide_values // tags)
            for tags in plan.tags
        ],
        scrapes=[measure_scrape(assets) for assets in plan.assets],
        storage=storage,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, without workers that share, under 60 s")
    parser.add_argument("--write", action="store_true", help="write docs/sizing.md and docs/sizing.json")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--quick measures too little to be written")
    measured = _measure(_QUICK if arguments.quick else _FULL)
    show(measured)
    if arguments.write:
        MEASURED.write_text(measured.model_dump_json(indent=1) + "\n")
        _PAGE.write_text(page(_PAGE.read_text(), measured))
    largest = measured.assets[-1]
    result(
        "scale",
        assets=largest.assets,
        frames_per_s=largest.frames_per_s,
        cpu_us=sum(largest.cpu_us.values()),
        ready_s=max(largest.ready_s.values()),
        recovered_s=largest.recovered_s,
    )


if __name__ == "__main__":
    main()
