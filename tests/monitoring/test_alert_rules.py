"""The rule file: every alert fires when it must, stays quiet when it must, and has its section in the runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.alert_cases import CASES, Case, Series
from tests.monitoring.prometheus import needs_prometheus
from tests.monitoring.shelf import ALERTS, RULES


def run(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def played(name: str, case: Case, series: Series, *, fires: bool) -> dict[str, Any]:
    """A test as promtool reads it: of all alerts, just this one fires, or it does not."""
    labels = {"alertname": name, "alertstate": "firing", "severity": ALERTS[name]["labels"]["severity"], **case.labels}
    fired = [{"labels": "ALERTS{" + ", ".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "value": 1}]
    expression = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    return {
        "name": f"{name} {'fires' if fires else 'is quiet'}",
        "interval": case.step,
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": case.at, "exp_samples": fired if fires else []}],
    }


def test_every_alert_has_a_case_of_each_kind() -> None:
    assert list(CASES) == list(ALERTS)
    assert all(case.fires != case.quiet for case in CASES.values())


@needs_prometheus
@pytest.mark.parametrize("step", ["1m", "1h"])
def test_each_alert_fires_when_it_must_and_is_quiet_when_it_must(step: str, tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    cases = {name: case for name, case in CASES.items() if case.step == step}
    fires = [played(name, case, case.fires, fires=True) for name, case in cases.items()]
    quiet = [played(name, case, case.quiet, fires=False) for name, case in cases.items()]
    tests = tmp_path / "cases.yaml"
    content = {"rule_files": [RULES.name], "evaluation_interval": step, "tests": fires + quiet}
    tests.write_text(yaml.safe_dump(content))
    run("test", "rules", str(tests))


@pytest.mark.parametrize("name", ALERTS)
def test_what_people_are_told_uses_only_labels_that_the_alert_has(name: str) -> None:
    told = "".join(ALERTS[name]["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", told))
    # One alert is of two kinds of certificates, and names the one that it is about.
    assert used - set(CASES[name].labels) <= ({"source"} if name == "AndonCertificateExpires" else set())
    assert ALERTS[name]["labels"]["severity"] in ("page", "ticket")
