"""A real Prometheus watches the whole chain: it reaches all, takes the rules, and no dashboard asks in vain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.monitoring.prometheus import Prometheus, needs_prometheus, watching
from tests.monitoring.promql import asked
from tests.monitoring.shelf import ALERTS, RECORDED, queries
from tests.monitoring.watched_chain import all_services, judge, playing, scenario

_DRIFT = "drift is found after hours of running, and the service that looks for it is not among these"
_SPARKPLUG = "of Sparkplug sources; here an OPC UA server is read"
_UNMAPPED = "of sources whose names are mapped by rules at each message; OPC UA's are mapped once"
_SPOOLED = "Kafka is never away here, so nothing is spooled"
_MES = "no MES is connected here"
#: Metrics that nothing sets while a short recording is played, and why.
NOT_HERE = {
    "andon_drift_achieved_alarms": _DRIFT,
    "andon_drift_promised_alarms": _DRIFT,
    "andon_drift_state": _DRIFT,
    "andon_drift_statistic_ratio": _DRIFT,
    "andon_drift_evidence_ratio": _DRIFT,
    "andon_drift_reports_total": _DRIFT,
    "andon_drift_watched_seconds_total": _DRIFT,
    "andon_retrain_requests_total": _DRIFT,
    "andon_retrain_seconds_bucket": _DRIFT,
    "andon_source_edge_nodes": _SPARKPLUG,
    "andon_source_rebirths_total": _SPARKPLUG,
    "andon_source_discarded_total": _UNMAPPED,
    "andon_source_unmapped_total": _UNMAPPED,
    "andon_source_certificate_expiry_seconds": "this OPC UA server asks for no certificate",
    "andon_source_times_replaced_total": "all times can be true here",
    "andon_spool_written_total": _SPOOLED,
    "andon_spool_drained_total": _SPOOLED,
    "andon_mes_lag_seconds": _MES,
    "andon_mes_events_total": _MES,
    "andon_registry_denied_total": "nobody is denied anything",
}
_PATIENCE_S = 60


def asked_here() -> dict[str, str]:
    """The queries that are to give a series, by dashboard and panel."""
    return {name: expr for name, expr in queries().items() if not {n for n, _ in asked(expr).chosen} & set(NOT_HERE)}


async def unanswered(server: Prometheus, expressions: dict[str, str]) -> dict[str, str]:
    """Ask again and again, and return what has given no series in time: what comes is not there at once."""
    waiting = dict(expressions)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while waiting and asyncio.get_running_loop().time() < deadline:
        waiting = {name: expr for name, expr in waiting.items() if not await server.series(expr)}
        await asyncio.sleep(0.5)
    return waiting


def test_what_is_not_here_is_asked_for_somewhere() -> None:
    assert set(NOT_HERE) <= {name for expr in queries().values() for name, _ in asked(expr).chosen}


@needs_prometheus
@pytest.mark.alone
async def test_prometheus_reaches_all_takes_the_rules_and_no_dashboard_asks_in_vain(tmp_path: Path) -> None:
    made = scenario(tmp_path)
    async with (
        all_services(made, tmp_path) as chain,
        playing(chain, made, tmp_path),
        watching(tmp_path, chain.ports) as server,
    ):
        judging = asyncio.create_task(judge(chain, made))
        assert await unanswered(server, asked_here()) == {}
        assert await unanswered(server, {name: name for name in RECORDED}) == {}
        await judging
        assert await server.targets() == dict.fromkeys(chain.ports, "up")
        rules = await server.rules()
    assert {rule["name"] for rule in rules} == set(ALERTS) | set(RECORDED)
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"} == {}
    raised = {rule["name"] for rule in rules if rule.get("state", "inactive") != "inactive"}
    # For the record that is no JSON, and for certificates that are good for an hour.
    assert raised >= {"AndonDeadLetters", "AndonCertificateExpires"}
    assert raised <= set(ALERTS) - {
        "AndonServiceGone",
        "AndonModelUnverified",
        "AndonModelRefused",
        "AndonParityBroken",
    }
