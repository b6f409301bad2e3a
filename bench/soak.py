"""Half an hour of the whole chain at 70 % of what it can: does memory, or anything else, grow?"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bench.chained import Backlog, Chain, chained, publishing, work_off
from bench.common import Bus, bus, result, table
from bench.frames import plant_document
from bench.model import served_from
from bench.page import DOCS, RELIABILITY, write_section
from bench.soak_chart import chart
from bench.soak_page import COLUMNS, row, section
from bench.soak_samples import Finding, Measure, Samples, findings, memory_limits, watch
from bench.trend import Verdict
from sandbox.database import embedded_database

_SHARE = 0.7
_PLANT_MACHINES = 2_000
_BACKLOG_MACHINES = 500
#: The embedded broker keeps all in memory: records are compressed, and a rate that would need more is lowered.
_COMPRESSION = "zstd"
_BROKER_MIB = 12_288.0
#: The bytes of a frame are taken from a backlog; live, they come in smaller batches, which compress less.
_MARGIN = 1.5
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a soak does.

    Attributes:
        seconds: how long samples are taken.
        step_s: seconds from one sample to the next.
        backlog: frames that capacity is measured with.
        capacity: frames per second; measured when None.
    """

    seconds: int
    step_s: float
    backlog: int
    capacity: float | None


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of it: frames per second that the services can, and that they got, and what was sampled."""

    capacity: float
    frames_per_s: int
    samples: Samples


async def _soak(on: Bus, chain: Chain, plan: Plan, before: int) -> Soak:
    rate = await work_off(chain, Backlog(_BACKLOG_MACHINES, plan.backlog))
    capacity = plan.capacity or rate.frames_per_s
    per_frame = _MARGIN * (on.broker_bytes - before) / plan.backlog
    affordable = _BROKER_MIB * _MIB / per_frame / plan.seconds
    with publishing(on, min(_SHARE * capacity, affordable), plan.seconds + 30) as (_, frames_per_s):
        samples = await watch(chain, plan.seconds, plan.step_s, broker_limit_mib=_BROKER_MIB)
    return Soak(capacity, frames_per_s, samples)


@contextlib.asynccontextmanager
async def _services(on: Bus, dsn: str, plan: Plan) -> AsyncIterator[Chain]:
    """Run the four stages, and historian and drift beside them."""
    model = served_from(on.directory / "bundles")
    beside = {
        "historian": {"ANDON_DATABASE__DSN": dsn, "ANDON_HISTORIAN__LAKE__DIRECTORY": str(on.directory / "lake")},
        "drift": model | {"ANDON_DRIFT__BUNDLES": str(on.directory / "bundles")},
    }
    async with chained(on, Backlog(_BACKLOG_MACHINES, plan.backlog), beside) as chain:
        yield chain


async def _run(plan: Plan) -> Soak:
    document = plant_document(machines=_PLANT_MACHINES)
    with bus(document, compression=_COMPRESSION) as on, embedded_database(on.directory / "database") as dsn:
        before = on.broker_bytes
        async with _services(on, dsn, plan) as chain:
            return await _soak(on, chain, plan, before)


def _show(soak: Soak, found: list[Finding]) -> None:
    table(
        f"{soak.samples.seconds[-1] / 60:.1f} min at {soak.frames_per_s:,} of {soak.capacity:,.0f} frames/s",
        COLUMNS,
        [row(each) for each in found],
    )
    verdicts = [each.verdict for each in found]
    lag = max(max(soak.samples.figures[each.service, each.measure]) for each in found if each.measure is Measure.LAG)
    result(
        "soak",
        capacity_frames_per_s=soak.capacity,
        frames_per_s=soak.frames_per_s,
        **{str(verdict): verdicts.count(verdict) for verdict in Verdict},
        longest_lag_s=lag,
        broker_mib=soak.samples.broker_mib[-1],
    )


def _plan() -> tuple[Plan, bool]:
    """Read the command line: what to do, and whether to write what came of it into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten seconds, to see that it works")
    parser.add_argument("--seconds", type=int, default=1_800, help="how long (1800)")
    parser.add_argument("--capacity", type=float, help="frames/s that 70 %% is taken of; measured unless given")
    parser.add_argument("--write", action="store_true", help="write table and chart into docs/reliability.md")
    given = parser.parse_args()
    if given.quick:
        return Plan(10, 0.5, 60_000, given.capacity), given.write
    return Plan(given.seconds, max(0.5, min(5.0, given.seconds / 360)), 300_000, given.capacity), given.write


def main() -> None:
    plan, write = _plan()
    soak = asyncio.run(_run(plan))
    found = findings(soak.samples, memory_limits(soak.samples.services))
    _show(soak, found)
    if write:
        (DOCS / "soak.svg").write_text(chart(soak.samples))
        write_section("soak", section(soak.capacity, soak.frames_per_s, soak.samples, found), RELIABILITY)


if __name__ == "__main__":
    main()
