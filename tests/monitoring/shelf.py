"""The files that people watch Andon by, as the tests read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm" / "andon" / "rules" / "andon.yaml"
DASHBOARDS = ROOT / "helm" / "andon" / "dashboards"
RUNBOOK = ROOT / "docs" / "runbook.md"

_ALL: list[dict[str, Any]] = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
#: Name to rule.
ALERTS = {rule["alert"]: rule for rule in _ALL if "alert" in rule}
RECORDED = {rule["record"]: rule for rule in _ALL if "record" in rule}

#: What Grafana puts in for its own variables, about.
_FILLED = {"$__rate_interval": "1m", "$__range": "1h"}


def queries() -> dict[str, str]:
    """Every query of every dashboard, as Prometheus is asked, by dashboard, panel and letter."""
    found = {}
    for file in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                found[f"{file.stem}/{panel['title']}/{target['refId']}"] = _filled(target["expr"])
    return found


def _filled(expr: str) -> str:
    for name, value in _FILLED.items():
        expr = expr.replace(name, value)
    for name in ("asset_class", "asset", "service", "source"):
        expr = expr.replace(f'"${name}"', '".*"')
    assert "$" not in expr, expr
    return expr
