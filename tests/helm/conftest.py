"""What was proven of the chart, in one line at the end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.helm.chart import CASES, OPERATORS, pods, rendered, template

_HERE = Path(__file__).parent.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how large the chart is, how fast it renders, and what none of its containers is; after its tests only."""
    if not any(f"{_HERE}/test_chart" in report.nodeid for report in terminalreporter.getreports("passed")):
        return
    manifests = rendered(OPERATORS)
    took = min(_seconds() for _ in range(3))
    found = [(spec["securityContext"], each) for _, _, spec in pods(manifests) for each in spec["containers"]]
    root = sum(not security.get("runAsNonRoot") for security, _ in found)
    unlimited = sum(each["resources"].get("limits", {}).keys() != {"cpu", "memory"} for _, each in found)
    terminalreporter.write_line(
        f"chart: {len(CASES)} cases; all switched on: {len(manifests)} manifests in {took:.2f} s, "
        f"{len(found)} containers, {root} of them root, {unlimited} without limits"
    )


def _seconds() -> float:
    before = time.perf_counter()
    template(OPERATORS.profile, OPERATORS.values)
    return time.perf_counter() - before
