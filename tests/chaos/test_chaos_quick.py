"""Everything that can go wrong, for some seconds each; `make chaos` does it for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.conduct import FAULTS, Plan, Report, conduct
from tests.chaos.timeline import Timeline

pytestmark = pytest.mark.chaos

SERVICES = ("service-killed", "workers-come-and-go", "service-slowed")
WAYS = ("broker-paused", "network-cut", "network-delayed")
KEEPING = ("database-paused", "database-restarted", "disk-full", "clock-stepped")


def test_every_fault_is_among_these() -> None:
    assert sorted((*SERVICES, *WAYS, *KEEPING)) == sorted(FAULTS)


@pytest.mark.parametrize("names", [SERVICES, WAYS, KEEPING], ids=["services", "ways", "keeping"])
async def test_nothing_is_lost_changed_doubled_or_invented(names: tuple[str, ...], tmp_path: Path) -> None:
    report = await conduct(Plan(names, seconds=8, longest=4), tmp_path, Timeline(print))
    if set(names) <= report.skipped.keys():
        pytest.skip("; ".join(report.skipped.values()))
    assert [str(finding) for finding in report.findings] == []
    assert frames_arrived(report)
    assert report.idle == []


def frames_arrived(report: Report) -> bool:
    return all(outcome.found for outcome in report.outcomes if outcome.expected)
