"""Which alerts stand: one lamp a machine, whatever came before; and what the plant model wants of its alerts."""

from __future__ import annotations

from typing import Any

from andon.contracts import AlertState, Origin
from andon.plant import Plant
from services.alert.standing import Standing, wanted
from tests.alert.alerting import PUMP, alert
from tests.faults.processes import pumping_plant


def lamp(severity: str, state: str) -> dict[str, str]:
    return {"asset_class": "pump", "asset": PUMP, "severity": severity, "state": state}


def test_a_change_takes_the_place_of_what_stood_before_and_its_end_leaves_nothing() -> None:
    standing = Standing()
    opened, graver = alert(AlertState.OPEN), alert(AlertState.ACKNOWLEDGED, severity="critical")
    assert standing.take(opened) == (None, lamp("warning", "open"))
    assert standing.take(opened) == (None, lamp("warning", "open"))  # told twice
    assert standing.take(graver) == (lamp("warning", "open"), lamp("critical", "acknowledged"))
    assert standing.take(alert(AlertState.RESOLVED)) == (lamp("critical", "acknowledged"), None)
    assert standing.take(alert(AlertState.RESOLVED)) == (None, None)


def test_alerts_of_history_light_no_lamp() -> None:
    assert Standing().take(alert(AlertState.OPEN, origin=Origin.BACKFILL)) == (None, None)


def figures(**case: Any) -> dict[str, float]:
    content = pumping_plant("site")
    machines = {f"hall/pump-{number}": {"class": "pump"} for number in range(3)}
    use_case = {"name": "a", "asset_class": "pump", "owner": "us", "kpi": "stops", "baseline": 3, "target": 1}
    plant = Plant.model_validate({**content, "assets": machines, "use_cases": [use_case | case]})
    return {level.metric: level.amount for level in wanted(plant)}


def test_the_budget_of_false_alarms_is_for_all_machines_of_the_class() -> None:
    wants = figures(criteria={"max_false_alarms_per_week": 0.5}, avoided_downtime="4h")
    assert wants == {"andon_assets": 3, "andon_allowed_alarms": 1.5, "andon_avoidable_downtime_seconds": 14_400}


def test_what_the_use_case_does_not_say_is_not_shown() -> None:
    assert figures() == {"andon_assets": 3}
