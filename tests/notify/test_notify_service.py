"""The notify service on a real broker: routes, order, what is given up, and sinks that do not wait for each other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from andon.contracts import AlertState, Origin
from andon.errors import PlantError
from andon.settings import KafkaSettings, TracingSettings
from services.notify.service import run
from tests.notify.alerts import FAN, OTHER, PUMP, alert
from tests.notify.receiver import Receiver, receiving
from tests.notify.rig import made, until
from tests.tracing.collector import collecting


def hook(receiver: Receiver, name: str = "hook", **other: Any) -> dict[str, Any]:
    return {"name": name, "kind": "webhook", "url": receiver.url, "timeout": "1s"} | other


async def test_each_sink_is_told_what_its_routes_say_as_it_is_on_the_bus(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    routes = ({"to": ["pager"], "severity": "critical"}, {"to": ["line-2"], "place": "water/line-2"})
    rig = await made(kafka, site, tmp_path, *routes)
    async with receiving() as pager, receiving() as line_2:
        sinks = hook(pager, "pager"), hook(line_2, "line-2"), {"name": "log", "kind": "log"}
        async with rig.serving(*sinks):
            told = [alert(PUMP, 0), alert(PUMP, 1, severity="critical"), alert(FAN, 0, severity="critical")]
            told.append(alert(PUMP, 2, severity="critical", state=AlertState.RESOLVED))
            history = alert(FAN, 1, severity="critical", origin=Origin.BACKFILL)
            await rig.raise_alerts(*told, history, alert(FAN, 2))
            await line_2.until(lambda: len(line_2.keys) == 2)
            await pager.until(lambda: len(pager.keys) == 3)
        assert pager.asset_keys(PUMP) == [told[1].id, told[3].id]
        assert line_2.keys == [told[2].id, alert(FAN, 2).id], "history rings no bells"
        assert {orjson.loads(body)["id"] for body in pager.bodies} == set(pager.keys)
        assert rig.value("andon_notifications_total", sink="pager", outcome="taken") == 3
        assert rig.value("andon_notifications_total", sink="line-2", outcome="history") == 1
        assert rig.value("andon_notification_seconds_count", sink="pager") == 3
        assert rig.value("andon_last_notification_seconds", sink="pager") > 0
        assert rig.value("andon_notifications_total", sink="log", outcome="taken") == 0


async def test_the_trace_of_an_alert_goes_on_to_whom_it_is_told(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    rig = await made(kafka, site, tmp_path)
    async with receiving() as pager:
        with collecting() as collector:
            rig.tracing = TracingSettings(endpoint=collector.endpoint)
            async with rig.serving(hook(pager, "pager")):
                await rig.raise_alerts(alert(PUMP, 0))
                await pager.until(lambda: len(pager.keys) == 1)
            ((service, span),) = await asyncio.to_thread(collector.until, "andon-notify")
    assert pager.requests[0].headers["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"
    assert (service, span.name, span.trace_id.hex(), span.parent_span_id.hex()) == (
        "andon-notify",
        "alert to pager",
        "a" * 32,
        "b" * 16,
    )


async def test_a_dead_sink_holds_up_no_other_and_its_alerts_are_set_aside_with_the_reason(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    rig = await made(kafka, site, tmp_path)
    async with receiving() as receiver:
        dead = hook(receiver, "dead", url="http://127.0.0.1:1/", give_up_after="1500ms")
        picky = hook(receiver, "picky")
        async with rig.serving(dead, picky, history=True):
            receiver.script[PUMP].append(422)
            await rig.raise_alerts(alert(PUMP, 0), b"{", alert(PUMP, 1), alert(OTHER, 0, origin=Origin.BACKFILL))
            await receiver.until(lambda: len(receiver.keys) == 3, timeout=1.4)
            letters = {letter.id.split(":", 1)[1]: letter for letter in await rig.letters(6)}
        assert sorted(letters) == ["deadletter:notify", "deadletter:notify:dead", "deadletter:notify:picky"]
        assert letters["deadletter:notify"].reason == "not_json"
        assert letters["deadletter:notify:picky"].reason == "refused"
        assert letters["deadletter:notify:picky"].detail == "sink picky: HTTP 422"
        assert letters["deadletter:notify:dead"].reason == "undelivered"
        assert rig.value("andon_notifications_total", sink="dead", outcome="undelivered") == 3
        assert rig.value("andon_notification_retries_total", sink="dead") >= 3


async def test_a_known_sink_goes_on_where_it_was_in_order_and_a_new_one_begins_now(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    rig = await made(kafka, site, tmp_path)
    async with receiving() as old, receiving() as new:
        async with rig.serving(hook(old, "old")):
            await rig.raise_alerts(alert(PUMP, 0))
            await old.until(lambda: len(old.keys) == 1)
            old.always = 503
            await rig.raise_alerts(*(alert(asset, number) for number in (1, 2, 3) for asset in (PUMP, OTHER)))
            await until(lambda: rig.value("andon_waiting_notifications", sink="old") == 6)
        old.always, failed = None, len(old.keys)
        async with rig.serving(hook(old, "old"), hook(new, "new")):
            await old.until(lambda: len(old.keys) == failed + 6)
            await rig.raise_alerts(alert(PUMP, 4))
            await new.until(lambda: alert(PUMP, 4).id in new.keys)
            await old.until(lambda: len(old.keys) == failed + 7)
            await until(lambda: rig.value("andon_waiting_notifications", sink="old") == 0)
        told = old.keys[failed:]
        assert [key for key in told if key.startswith(f"{PUMP}@")] == [alert(PUMP, n).id for n in (1, 2, 3, 4)]
        assert [key for key in told if key.startswith(f"{OTHER}@")] == [alert(OTHER, n).id for n in (1, 2, 3)]
        assert alert(PUMP, 0).id not in {*told, *new.keys}


async def test_a_route_that_leads_nowhere_ends_the_service_at_the_start(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    rig = await made(kafka, site, tmp_path, {"to": ["pgaer"]})
    with pytest.raises(PlantError, match="there is no sink 'pgaer'"):
        await run(rig.plant, rig.settings({"name": "pager", "kind": "log"}), rig.metrics, asyncio.Event())
