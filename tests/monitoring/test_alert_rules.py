"""The rule file: every alert fires when it must, stays quiet when it must, and has its section in the runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.alert_cases import CASES
from tests.monitoring.prometheus import needs_prometheus
from tests.monitoring.shelf import ALERTS, RULES


def run(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def looked_at(name: str, *, fires: bool) -> dict[str, Any]:
    """What promtool compares: this alert fires with just its labels, or does not fire."""
    case, severity = CASES[name], ALERTS[name]["labels"]["severity"]
    labels = {"alertname": name, "alertstate": "firing", "severity": severity, **case.labels}
    fired = [{"labels": "ALERTS{" + ", ".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "value": 1}]
    expression = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    return {"expr": expression, "eval_time": case.at, "exp_samples": fired if fires else []}


def played(step: str, *, fires: bool) -> dict[str, Any]:
    """A test as promtool reads it: the series of all alerts side by side, which is much faster than one by one."""
    cases = {name: case for name, case in CASES.items() if case.step == step}
    series = [pair for case in cases.values() for pair in (case.fires if fires else case.quiet).items()]
    assert len(dict(series)) == len(series)  # none stands in the way of another one
    return {
        "name": "fires" if fires else "is quiet",
        "interval": step,
        "input_series": [{"series": one, "values": values} for one, values in series],
        "promql_expr_test": [looked_at(name, fires=fires) for name in cases],
    }


def test_every_alert_has_a_case_of_each_kind() -> None:
    assert list(CASES) == list(ALERTS)
    assert all(case.fires != case.quiet for case in CASES.values())


@needs_prometheus
@pytest.mark.parametrize("step", ["1m", "1h"])
def test_each_alert_fires_when_it_must_and_is_quiet_when_it_must(step: str, tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    tests = tmp_path / "cases.yaml"
    content = [played(step, fires=True), played(step, fires=False)]
    tests.write_text(yaml.safe_dump({"rule_files": [RULES.name], "evaluation_interval": step, "tests": content}))
    run("test", "rules", str(tests))


@pytest.mark.parametrize("name", ALERTS)
def test_what_people_are_told_uses_only_labels_that_the_alert_has(name: str) -> None:
    told = "".join(ALERTS[name]["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", told))
    # One alert is of two kinds of certificates, and names the one that it is about.
    assert used - set(CASES[name].labels) <= ({"source"} if name == "AndonCertificateExpires" else set())
    assert ALERTS[name]["labels"]["severity"] in ("page", "ticket")
