"""What people say about alerts: by topic, command and HTTP, through the real service and a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from andon.clock import SECOND, wall_clock
from andon.contracts import Action, Alert, AlertState, Decision, Feedback, Inference, LimitViolation, ModelRef, Verdict
from andon.connection import ServerTlsSettings, TlsSettings
from andon.errors import AndonError, ConfigError
from andon.plant import Plant
from andon.plant.alarms import Flapping
from andon.plant.model import ModelSpec
from andon.settings import KafkaSettings, TelemetrySettings
from andon.settings_table import settings_of
from andon.stream.publish import new_lines, stage_publisher
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.telemetry.catalogue import CATALOGUE
from andon.uns import Stage
from sandbox.broker import free_port
from services.alert import cli
from services.alert.__main__ import run
from services.alert.api import Api
from services.alert.desk import Desk, Statement
from services.alert.precision import Precision
from services.alert.settings import AlertRules, AlertSettings, ApiSettings
from tests.faults.processes import ASSETS, distinct, pumping_plant, pumping_site
from tests.stream.bus import TopicReader, at_work, reading, stage_topic
from tests.stream.tls import Authority

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
#: The alert that the page speaks of.
SHOWN = "water/line-1/station-1/pump-3@1767225610000000:alert"
PUMP = ASSETS[0]
T0 = wall_clock() - 600 * SECOND
NAME = f"{PUMP}@{T0}:alert"
HIGH = LimitViolation(tag="flow", bound="high", limit=900.0, value=950.0)
WORSE = LimitViolation(tag="flow", bound="high_high", limit=940.0, value=950.0)
MODEL = ModelRef(name="pump-anomaly", version="2", digest="d")


def inference(index: int, *limits: LimitViolation, asset: str = PUMP) -> Inference:
    """A window without a model, a second long."""
    time = T0 + index * SECOND
    return Inference(
        id=f"{asset}@{time}:inference:none",
        asset=asset,
        time=time,
        ingest_time=time,
        asset_class="pump",
        definition="d",
        start=time - SECOND,
        model=None,
        decision=Decision.ABSTAIN if limits else Decision.NORMAL,
        score=None,
        threshold=None,
        limit_violations=list(limits),
    )


def alert(state: AlertState = AlertState.OPEN, **fields: Any) -> Alert:
    given: dict[str, Any] = {
        "id": f"{PUMP}@{T0}:alert:{state}",
        "asset": PUMP,
        "time": T0,
        "ingest_time": T0,
        "alert": NAME,
        "asset_class": "pump",
        "state": state,
        "severity": "warning",
        "opened": T0,
        "since": T0,
        "message": "Look at the pump.",
        "owner": "maintenance",
        "inference": "i",
    }
    return Alert(**given | fields)


async def send(kafka: KafkaSettings, plant: Plant, stage: Stage, events: Sequence[Any]) -> None:
    async with stage_publisher(kafka, plant, stage) as publisher:
        pairs = [(event.asset.encode(), event.model_dump_json().encode()) for event in events]
        await publisher.deliver(new_lines(pairs))


async def states(alerts: TopicReader, count: int) -> list[str]:
    """Return the states told until there are *count* different events."""
    await alerts.events(count)
    return [event["state"] for event in distinct(alerts.records).values()]


@pytest.fixture
def plant(site: str) -> Plant:
    return Plant.model_validate(pumping_plant(site))


@contextlib.asynccontextmanager
async def api(kafka: KafkaSettings, plant: Plant, metrics: Metrics, **settings: Any) -> AsyncIterator[int]:
    """The HTTP server alone; gives its port."""
    made = Api(ApiSettings(host="127.0.0.1", port=0, **settings), Desk(kafka, plant, 3_600 * SECOND), metrics)
    async with made.listening():
        yield made.port


Post = Callable[..., Any]


@contextlib.asynccontextmanager
async def client(port: int, token: str | None = "secret") -> AsyncIterator[Post]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def post(path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            async with session.post(f"http://127.0.0.1:{port}{path}", data=data) as answer:
                return answer.status, await answer.json()

        yield post


async def test_an_alert_is_taken_over_http_and_judged_when_it_is_over(kafka: KafkaSettings, plant: Plant) -> None:
    metrics, port = Metrics("alert"), free_port()
    rules = AlertRules.model_validate({"api": {"host": "127.0.0.1", "port": port, "token": "secret"}})
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
            status, answer = await post(f"/alerts/{NAME}/acknowledge", {"author": "ben"})
            assert (status, answer["reason"]) == (409, f"alert '{NAME}' is acknowledged already, by anna")
            status, _ = await post(f"/alerts/{NAME}/shelve", {"author": "anna", "for": "5min"})
            assert status == 202
            assert await states(alerts, 3) == ["open", "acknowledged", "suppressed"]
            await send(kafka, plant, Stage.INFERENCE, [inference(index) for index in range(1, 5)])
            assert (await states(alerts, 4))[-1] == "resolved"
            status, answer = await post(f"/alerts/{NAME}/acknowledge", {"author": "anna"})
            assert (status, "is over" in answer["reason"]) == (409, True)
            verdict = {"alert": NAME, "verdict": "real", "author": "anna", "note": "bearing"}
            assert (await post("/feedback", verdict))[0] == 202
        await figure(metrics, "andon_alert_precision_ratio", {"asset_class": "pump", "model": "none"}, 1.0)


async def figure(metrics: Metrics, name: str, labels: dict[str, str], value: float) -> None:
    async with asyncio.timeout(30):
        while value not in {sample.value for sample in samples(metrics, name, labels)}:
            await asyncio.sleep(0.05)


def samples(metrics: Metrics, name: str, labels: dict[str, str]) -> list[Any]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return [
        one for each in families for one in each.samples if one.name == name and labels.items() <= one.labels.items()
    ]


async def test_what_cannot_be_taken_is_refused_with_the_reason(kafka: KafkaSettings, plant: Plant) -> None:
    metrics = Metrics("alert")
    await ensure_topics(kafka, plant)
    await send(kafka, plant, Stage.ALERT, [alert()])
    good = {"alert": NAME, "verdict": "false", "author": "ben"}
    taken = {"author": "ben"}
    wrong: list[tuple[str, Any, int, str]] = [
        ("/feedback", b"{", 400, "no JSON"),
        ("/feedback", [good], 400, "must be a JSON object"),
        ("/feedback", good | {"action": "shelve"}, 400, "unknown fields action"),
        ("/feedback", good | {"verdict": "perhaps"}, 400, "verdict"),
        ("/feedback", {"alert": NAME, "author": "ben"}, 400, "needs a `verdict`"),
        ("/feedback", good | {"author": ""}, 400, "author"),
        ("/feedback", good | {"note": "x" * 20_000}, 413, "Too Large"),
        ("/feedback", good | {"alert": "pump-3"}, 400, "is no name of an alert"),
        ("/feedback", good | {"alert": f"line/pump-99@{T0}:alert"}, 404, "not in the plant model"),
        ("/feedback", good | {"alert": f"{PUMP}@{T0 + 1}:alert"}, 404, "there is no alert"),
        (f"/alerts/{NAME}/acknowledge", {}, 400, "author"),
        (f"/alerts/{NAME}/acknowledge", taken | {"alert": "x"}, 400, "unknown fields alert"),
        (f"/alerts/{NAME}/shelve", taken, 400, "needs `until`"),
        (f"/alerts/{NAME}/shelve", taken | {"for": "2h"}, 400, "1h at most"),
        (f"/alerts/{NAME}/shelve", taken | {"for": "long"}, 400, "is no duration"),
        ("/alerts", taken, 404, "Not Found"),
    ]
    async with api(kafka, plant, metrics, token="secret") as port, client(port) as post:
        for path, body, status, reason in wrong:
            answered, answer = await post(path, body)
            assert (answered, reason in answer["reason"]) == (status, True), (path, body, answered, answer)
        async with client(port, None) as stranger, client(port, "Secret") as guess:
            assert (await stranger("/feedback", good))[0] == (await guess("/feedback", good))[0] == 401
        assert (await post("/feedback", good))[0] == 202
    async with api(kafka, plant, metrics) as port, client(port) as post:
        status, answer = await post("/feedback", good)
        assert (status, "ANDON_ALERT__API__TOKEN" in answer["reason"]) == (403, True)
    refused = {one.labels["status"]: one.value for one in samples(metrics, "andon_feedback_refused_total", {})}
    assert refused == {"400": 12, "401": 2, "403": 1, "404": 3, "413": 1}
    away = kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9"})
    async with api(away, plant, metrics, token="secret") as port, client(port) as post:
        assert (await post("/feedback", good))[0] == 503


async def test_with_a_ca_only_its_clients_are_let_in_over_tls(
    kafka: KafkaSettings, plant: Plant, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    server, own = authority.issue("server"), authority.issue("client")
    tls = ServerTlsSettings(cert_file=server.cert, key_file=server.key, ca_file=authority.file)
    with_own = TlsSettings(enabled=True, ca_file=authority.file, cert_file=own.cert, key_file=own.key).context()
    without = TlsSettings(enabled=True, ca_file=authority.file).context()
    async with api(kafka, plant, Metrics("alert"), token="secret", tls=tls) as port, aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{port}/feedback"
        async with session.post(url, data=b"{}", ssl=with_own or True) as answer:
            assert answer.status == 401
        with pytest.raises(aiohttp.ClientError):
            await session.post(url, data=b"{}", ssl=without or True)


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        ({"cert_file": "a.pem"}, "go together"),
        ({"key_file": "a.key"}, "go together"),
        ({"ca_file": "ca.pem"}, "has no effect without TLS"),
    ],
)
def test_half_a_tls_is_refused(tls: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ServerTlsSettings.model_validate(tls)
    with pytest.raises(ConfigError, match="cannot be used"):
        ServerTlsSettings(cert_file=Path("no.pem"), key_file=Path("no.key")).context()


async def test_an_acknowledged_alert_survives_a_kill_and_is_not_acknowledged_twice(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with pumping_site(kafka, site, tmp_path) as made, contextlib.AsyncExitStack() as stack:
        plant = made.plant
        await ensure_topics(kafka, plant)
        alerts = await stack.enter_async_context(reading(kafka, made.topic(Stage.ALERT)))
        first = await made.start("alert")
        await send(kafka, plant, Stage.INFERENCE, [inference(0, HIGH)])
        assert await states(alerts, 1) == ["open"]
        taken = Statement(alert=NAME, action=Action.ACKNOWLEDGE, author="anna")
        said = await Desk(kafka, plant, SECOND).take(taken)
        assert (await states(alerts, 2))[-1] == "acknowledged"
        await first.kill()
        second = await made.start("alert")
        await send(kafka, plant, Stage.INFERENCE, [inference(1, HIGH), inference(2, HIGH, WORSE)])
        await send(kafka, plant, Stage.FEEDBACK, [said])  # as a client does that got no answer
        assert (await states(alerts, 3))[-1] == "open"
        await second.kill()
        third = await made.start("alert")
        await send(kafka, plant, Stage.INFERENCE, [inference(index) for index in range(3, 7)])
        assert await states(alerts, 4) == ["open", "acknowledged", "open", "resolved"]
        assert await third.stop() == 0, third.log.read_text()
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


@pytest.fixture
def andon(kafka: KafkaSettings, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The commands, with an environment that names the plant model and the broker."""
    path = tmp_path / "plant.yaml"
    path.write_text(yaml.safe_dump(pumping_plant(plant.site)))
    monkeypatch.setenv("ANDON_PLANT", str(path))
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("ANDON_KAFKA__IDEMPOTENT", str(kafka.idempotent))
    whole = typer.Typer()
    whole.add_typer(cli.app, name="alert")
    whole.command("feedback")(cli.feedback)

    def run(*arguments: str) -> Result:
        plain = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None}
        return CliRunner(env=plain).invoke(whole, arguments)

    return run


def test_the_commands_list_take_and_judge(andon: Callable[..., Result], kafka: KafkaSettings, plant: Plant) -> None:
    other = f"{ASSETS[1]}@{T0}:alert"
    grave = alert(id="grave", asset=ASSETS[1], alert=other, severity="critical", model=MODEL, causes=["flow:anomaly"])

    async def prepare() -> None:
        await ensure_topics(kafka, plant)
        over = alert(AlertState.RESOLVED, id="over", asset=ASSETS[2], alert=f"{ASSETS[2]}@{T0}:alert")
        await send(kafka, plant, Stage.ALERT, [alert(), over, grave])

    asyncio.run(prepare())
    listed = andon("alert", "list")
    assert listed.exit_code == 0, listed.exception
    shown = listed.stdout
    assert shown.index(other) < shown.index(NAME)
    assert "2 open" in shown
    assert f"{ASSETS[2]}@" not in shown
    assert json.loads(andon("alert", "list", "--json", "--asset", ASSETS[1]).stdout)["alert"] == other
    assert andon("alert", "list", "--asset", "line/pump").stdout == "no alerts\n"
    assert andon("alert", "ack", NAME, "--author", "anna").stdout.endswith(":feedback:anna-acknowledge\n")
    assert andon("alert", "shelve", NAME, "--author", "anna", "--for", "2h").exit_code == 0
    assert andon("feedback", other, "--verdict", "false", "--author", "ben", "--note", "loose cable").exit_code == 0
    over = andon("alert", "ack", f"{ASSETS[2]}@{T0}:alert", "--author", "anna")
    assert isinstance(over.exception, AndonError)
    assert "is over" in str(over.exception)
    assert andon("alert", "shelve", NAME, "--author", "anna", "--for", "soon").exit_code == 2

    async def said() -> list[dict[str, Any]]:
        async with reading(kafka, stage_topic(plant, Stage.FEEDBACK)) as feedback:
            return await feedback.events(3)

    events = {(one["asset"], one["action"]): Feedback.model_validate(one) for one in asyncio.run(said())}
    assert events[PUMP, "shelve"].until == events[PUMP, "shelve"].time + 7_200 * SECOND
    judged = events[ASSETS[1], "verdict"]
    assert (judged.verdict, judged.note, judged.model) == (Verdict.FALSE, "loose cable", MODEL)


def test_the_commands_of_the_page_work(andon: Callable[..., Result], kafka: KafkaSettings, plant: Plant) -> None:
    async def prepare() -> None:
        await ensure_topics(kafka, plant)
        await send(kafka, plant, Stage.ALERT, [alert()])

    asyncio.run(prepare())
    commands = re.findall(r"^andon (.*)$", PAGE, re.MULTILINE)
    assert {shlex.split(command)[0] for command in commands} == {"alert", "feedback"}
    for command in commands:
        result = andon(*shlex.split(command.replace(SHOWN, NAME), comments=True))
        assert result.exit_code == 0, (command, result.exception)


async def test_the_requests_of_the_page_are_taken(kafka: KafkaSettings, plant: Plant) -> None:
    await ensure_topics(kafka, plant)
    await send(kafka, plant, Stage.ALERT, [alert()])
    requests = re.findall(r"-d '(.*)' .{2}\s+https://[^/]+(/\S+)", PAGE.replace(SHOWN, NAME))
    assert len(requests) == PAGE.count("curl")
    limit = AlertRules().shelf_limit
    server = Api(ApiSettings.model_validate({"port": 0, "token": "secret"}), Desk(kafka, plant, limit), Metrics("a"))
    async with server.listening(), client(server.port) as post:
        assert [(await post(path, body.encode()))[0] for body, path in requests] == [202] * len(requests)


def test_the_tables_of_the_page_hold_every_state_metric_and_setting() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|$", PAGE, re.MULTILINE)
    assert {name for name, _ in rows if not name.startswith("andon_")} == set(AlertState)
    named = {name for name in CATALOGUE if name.startswith(("andon_alert", "andon_feedback"))}
    assert {name for name, _ in rows if name.startswith("andon_")} == named
    (model,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert ModelSpec.model_validate(yaml.safe_load(model)["model"]).flapping == Flapping()
    variables = {one.variable for one in settings_of(AlertRules, "ANDON_ALERT__")}
    assert set(re.findall(r"ANDON_ALERT__\w+", PAGE)) <= variables
