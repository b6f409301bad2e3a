"""What people say about alerts: by topic, command and HTTP, through the real service and a real broker."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from andon.clock import SECOND
from andon.contracts import Action, Feedback, ModelRef, Verdict
from andon.plant import Plant
from andon.settings import KafkaSettings, TelemetrySettings
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.broker import free_port
from services.alert.__main__ import run
from services.alert.desk import Desk, Statement
from services.alert.inbox import Inbox
from services.alert.precision import Precision
from services.alert.settings import AlertRules, AlertSettings
from services.alert.voices import Voices
from tests.alert.alerting import (
    HIGH,
    MODEL,
    NAME,
    PUMP,
    T0,
    WORSE,
    client,
    inference,
    samples,
    send,
    states,
)
from tests.faults.processes import pumping_plant, pumping_site
from tests.stream.bus import at_work, reading, stage_topic


@pytest.fixture
def plant(site: str) -> Plant:
    return Plant.model_validate(pumping_plant(site))


async def figure(metrics: Metrics, name: str, labels: dict[str, str], value: float) -> None:
    async with asyncio.timeout(30):
        while value not in {sample.value for sample in samples(metrics, name, labels)}:
            await asyncio.sleep(0.05)


async def no_figure(metrics: Metrics, name: str) -> None:
    async with asyncio.timeout(30):
        while samples(metrics, name, {}):
            await asyncio.sleep(0.05)


async def test_an_alert_is_taken_over_http_and_judged_when_it_is_over(kafka: KafkaSettings, plant: Plant) -> None:
    metrics, port = Metrics("alert"), free_port()
    rules = AlertRules.model_validate({"api": {"host": "127.0.0.1", "port": port, "token": "secret", "insecure": True}})
    settings = AlertSettings(kafka=kafka, alert=rules, telemetry=TelemetrySettings(port=0))
    await ensure_topics(kafka, plant)
    async with (
        reading(kafka, stage_topic(plant, Stage.ALERT)) as alerts,
        at_work(partial(run, plant, settings, metrics)),
    ):
        await send(kafka, plant, Stage.INFERENCE, [inference(0, HIGH)])
        assert await states(alerts, 1) == ["open"]
        async with client(port) as post:
            status, answer = await post(f"/alerts/{NAME}/acknowledge", {"author": "anna", "note": "on my way"})
            assert (status, answer["id"].endswith("anna-acknowledge")) == (202, True)
            assert await states(alerts, 2) == ["open", "acknowledged"]
            await figure(metrics, "andon_alert_state", {"asset": PUMP, "state": "acknowledged"}, 1)
            status, answer = await post(f"/alerts/{NAME}/acknowledge", {"author": "ben"})
            assert (status, answer["reason"]) == (409, f"alert '{NAME}' is acknowledged already, by anna")
            status, _ = await post(f"/alerts/{NAME}/shelve", {"author": "anna", "for": "5min"})
            assert status == 202
            assert await states(alerts, 3) == ["open", "acknowledged", "suppressed"]
            await send(kafka, plant, Stage.INFERENCE, [inference(index) for index in range(1, 5)])
            assert (await states(alerts, 4))[-1] == "resolved"
            await no_figure(metrics, "andon_alert_state")
            status, answer = await post(f"/alerts/{NAME}/acknowledge", {"author": "anna"})
            assert (status, "is over" in answer["reason"]) == (409, True)
            verdict = {"alert": NAME, "verdict": "real", "author": "anna", "note": "bearing"}
            assert (await post("/feedback", verdict))[0] == 202
        await figure(metrics, "andon_alert_precision_ratio", {"asset_class": "pump", "model": "none"}, 1.0)
    restarted = Metrics("alert")
    async with Voices(plant, settings, restarted, Inbox()).heard(asyncio.Event()):
        await figure(restarted, "andon_alert_verdicts", {"verdict": "real"}, 1.0)


async def test_an_acknowledged_alert_survives_a_kill_and_is_not_acknowledged_twice(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with pumping_site(kafka, site, tmp_path) as made, reading(kafka, made.topic(Stage.ALERT)) as alerts:
        plant = made.plant
        again = partial(run, plant, AlertSettings(kafka=kafka, telemetry=TelemetrySettings(port=0)), Metrics("alert"))
        await ensure_topics(kafka, plant)
        first = await made.start("alert")
        await send(kafka, plant, Stage.INFERENCE, [inference(0, HIGH)])
        assert await states(alerts, 1) == ["open"]
        taken = Statement(alert=NAME, action=Action.ACKNOWLEDGE, author="anna")
        said = await Desk(kafka, plant, SECOND).take(taken)
        assert (await states(alerts, 2))[-1] == "acknowledged"
        await first.kill()
        async with at_work(again):
            await send(kafka, plant, Stage.INFERENCE, [inference(1, HIGH), inference(2, HIGH, WORSE)])
            await send(kafka, plant, Stage.FEEDBACK, [said])  # as a client does that got no answer
            assert (await states(alerts, 3))[-1] == "open"
        async with at_work(again):
            await send(kafka, plant, Stage.INFERENCE, [inference(index) for index in range(3, 7)])
            assert await states(alerts, 4) == ["open", "acknowledged", "open", "resolved"]
        told = [event["state"] for event in await alerts.events(4)]
        assert "acknowledged" not in told[told.index("open", told.index("acknowledged")) :]


def verdict(author: str, found: Verdict, time: int = T0, name: str = NAME, model: ModelRef | None = MODEL) -> Feedback:
    return Feedback(
        id=f"{PUMP}@{time}:feedback:{author}",
        asset=PUMP,
        time=time,
        ingest_time=time,
        alert=name,
        verdict=found,
        author=author,
        model=model,
    )


def test_precision_counts_the_newest_verdict_of_each_author() -> None:
    precision = Precision({PUMP: "pump"}.get)
    said = [
        verdict("anna", Verdict.REAL),
        verdict("ben", Verdict.FALSE),
        verdict("ben", Verdict.FALSE),  # heard again
        verdict("carl", Verdict.UNSURE),
        verdict("anna", Verdict.REAL, name=f"{PUMP}@{T0 + 1}:alert"),
        verdict("ben", Verdict.REAL, T0 + 1),  # thought better of it
        verdict("ben", Verdict.FALSE),  # heard again
        verdict("anna", Verdict.FALSE, name=f"{PUMP}@{T0 + 2}:alert"),
        verdict("anna", Verdict.FALSE, name=f"{PUMP}@{T0 + 3}:alert", model=None),
    ]
    figures = {
        (level.metric, level.labels["model"], level.labels.get("verdict")): level.amount
        for each in said
        for level in precision.take(each)
    }
    model = "pump-anomaly/2"
    assert figures == {
        ("andon_alert_verdicts", model, "real"): 3,
        ("andon_alert_verdicts", model, "false"): 1,
        ("andon_alert_verdicts", model, "unsure"): 1,
        ("andon_alert_precision_ratio", model, None): 0.75,
        ("andon_alert_verdicts", "none", "real"): 0,
        ("andon_alert_verdicts", "none", "false"): 1,
        ("andon_alert_verdicts", "none", "unsure"): 0,
        ("andon_alert_precision_ratio", "none", None): 0.0,
    }
