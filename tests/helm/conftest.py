"""What was proven of the chart, in one line at the end."""

from __future__ import annotations

import time

import pytest

from tests.helm.chart import OPERATORS, pods, rendered, template


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many manifests were rendered, how fast, and what none of them has."""
    if rendered.cache_info().currsize == 0:
        return
    before = time.perf_counter()
    template(OPERATORS.profile, OPERATORS.values)
    took = time.perf_counter() - before
    containers = [
        (spec["securityContext"], each) for _, _, spec in pods(rendered(OPERATORS)) for each in spec["containers"]
    ]
    root = sum(not security.get("runAsNonRoot") for security, _ in containers)
    unlimited = sum(each["resources"].get("limits", {}).keys() != {"cpu", "memory"} for _, each in containers)
    terminalreporter.write_line(
        f"chart: all switched on, {len(rendered(OPERATORS))} manifests rendered in {took:.2f} s; of "
        f"{len(containers)} containers {root} are root and {unlimited} lack limits"
    )
