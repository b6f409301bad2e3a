"""docs/notify.md: its examples are read, tried and run, and say what the code does; and `andon notify`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from andon.contracts import DeadLetterReason
from andon.plant.routes import Route
from andon.telemetry.catalogue import CATALOGUE
from sandbox.authority import Authority
from services.notify.cli import app
from services.notify.config import AnySinkConfig, LogConfig, MqttSinkConfig, WebhookConfig
from services.notify.settings import NotifySettings
from services.notify.sinks.webhook import KEY_HEADER, SIGNATURE_HEADER, TEST_HEADER
from tests.notify.alerts import FAN, content
from tests.notify.receiver import receiving

PAGE = (Path(__file__).parents[2] / "docs" / "notify.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def is_genuine() -> Callable[..., bool]:
    names: dict[str, Callable[..., bool]] = {}
    (code,) = blocks("python")
    exec(code, names)
    return names["is_genuine"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's sinks and routes, and what they name."""
    sinks, routes = blocks("yaml")
    authority = Authority(tmp_path / "ca").file
    (tmp_path / "sinks.yaml").write_text(sinks.replace("/etc/andon/acme-ca.pem", str(authority)))
    plant = content("north", *yaml.safe_load(routes)["routes"])
    del plant["classes"]["fan"], plant["assets"][FAN]
    plant["assets"] = {"water/line-1/pump-1": {"class": "pump"}, "water/line-2/pump-1": {"class": "pump"}}
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(plant))
    for name in ("tickets.secret", "scada.password"):
        (tmp_path / name).write_text("a long secret\n")
    monkeypatch.setenv("TICKETS_AUTH", "Bearer token")
    return tmp_path


def command(folder: Path, *arguments: str) -> Result:
    files = ["--sinks", str(folder / "sinks.yaml"), "--plant", str(folder / "plant.yaml")]
    return CliRunner().invoke(app, [*arguments, *files])


def test_its_sinks_and_routes_come_to_what_it_shows(folder: Path) -> None:
    checked = command(folder, "check")
    assert checked.exit_code == 0, checked.output
    (shown,) = blocks("text")
    words = [line.split() for line in checked.output.splitlines() if line.strip() and "─" not in line]
    assert words == [line.split() for line in shown.splitlines() if line.strip() and "─" not in line]


def test_doubts_and_alerts_that_nobody_is_told_are_shown(folder: Path) -> None:
    sinks = [{"name": "a", "kind": "webhook", "url": "http://tickets/"}, {"name": "b", "kind": "log"}]
    (folder / "sinks.yaml").write_text(yaml.safe_dump({"sinks": sinks}))
    (folder / "plant.yaml").write_text(
        yaml.safe_dump(content("north", {"to": ["a"], "severity": "critical", "states": ["open"], "place": FAN}))
    )
    checked = command(folder, "check")
    assert checked.exit_code == 0
    for said in (
        "b: no route leads to it, so it is told nothing",
        "a: deliveries are not signed (add a `secret`)",
        "a: http can be read on the way (use https)",
    ):
        assert said in checked.output
    assert re.search(r"pump +critical +nobody", checked.output)
    assert re.search(r"fan +critical +a \(open\)", checked.output)
    (folder / "scada.password").unlink()


async def test_a_test_reaches_its_sink_and_is_genuine(folder: Path) -> None:
    async with receiving() as receiver:
        sink = {"name": "tickets", "kind": "webhook", "url": receiver.url, "secret": {"file": "tickets.secret"}}
        (folder / "sinks.yaml").write_text(
            yaml.safe_dump({"sinks": [sink, {"name": "scada", "kind": "log"}, {"name": "log", "kind": "log"}]})
        )
        sent = await asyncio.to_thread(command, folder, "test", "tickets")
        assert (sent.exit_code, sent.output) == (0, "tickets has taken it\n")
        header, body = receiver.requests[0].headers[SIGNATURE_HEADER], receiver.bodies[0]
        genuine = is_genuine()
        assert genuine("a long secret", header, body)
        assert not genuine("another secret", header, body)
        assert not genuine("a long secret", header, body + b" ")
        later = int(time.time()) + 10
        assert not genuine("a long secret", re.sub(r"t=\d+", f"t={later}", header), body)
        assert not genuine("a long secret", header, body, -1), "what is old is refused"
        receiver.always = 410
        refused = await asyncio.to_thread(command, folder, "test", "tickets")
        assert (refused.exit_code, refused.output) == (1, "tickets does not take it: HTTP 410\n")


def test_the_names_on_the_page_are_those_of_the_code() -> None:
    for name in re.findall(r"`ANDON_NOTIFY__(\w+)`", PAGE):
        assert name.lower() in NotifySettings.model_fields
    assert {f"andon_{name}" for name in re.findall(r"`andon_(\w+)`", PAGE)} <= set(CATALOGUE)
    for name in (KEY_HEADER, SIGNATURE_HEADER, TEST_HEADER, DeadLetterReason.REFUSED, DeadLetterReason.UNDELIVERED):
        assert f"`{name}`" in PAGE
    kinds: tuple[type[AnySinkConfig], ...] = (WebhookConfig, MqttSinkConfig, LogConfig)
    for name in {field for kind in (*kinds, Route) for field in kind.model_fields}:
        assert re.search(rf"`{name}`|\b{name}:", PAGE), name
