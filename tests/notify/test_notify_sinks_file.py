"""sinks.yaml: every mistake is named with its line, in words that help."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.errors import PlantError
from andon.plant import Plant
from services.notify.config import MqttSinkConfig, Sinks, WebhookConfig
from services.notify.files import SinksError, check_routes, load_sinks
from tests.notify.alerts import content

GOOD = """\
sinks:
  - name: tickets
    kind: webhook
    url: https://tickets.acme.example/hooks/andon
    secret: {file: hook.secret}
    give_up_after: 5min
  - name: scada
    kind: mqtt
    broker: {host: broker-2}
    topic: "plant/{site}/{asset}/andon"
  - {name: log, kind: log}
"""


def test_a_sound_file_is_read_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "sinks.yaml").write_text(GOOD)
    tickets, scada, log = load_sinks(tmp_path / "sinks.yaml").sinks
    assert isinstance(tickets, WebhookConfig)
    assert tickets.secret
    assert tickets.secret.file == tmp_path / "hook.secret"
    assert tickets.give_up_after == 300_000_000
    assert isinstance(scada, MqttSinkConfig)
    assert scada.retain
    assert log.name == "log"


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("kind: webhook", "kind: webhok", "2: sinks.0: kind 'webhok' is not known here (did you mean 'webhook'?)"),
        ("    kind: webhook\n", "", "2: sinks.0: does not say what it is (add `kind`: webhook, mqtt, log)"),
        ("https://tickets.acme.example/hooks/andon", "tickets", "4: sinks.0.url: is no address of a webhook"),
        ("acme.example", "acme.example:99999", "4: sinks.0.url: "),
        ("https://tickets", "https://me:pw@tickets", "4: sinks.0.url: holds a user or password"),
        ("{file: hook.secret}", "hunter2", "5: sinks.0.secret: 'hunter2' is no mapping"),
        ("give_up_after: 5min", "give_up_after: 5", "6: sinks.0.give_up_after: 5 has no unit (write 5s,"),
        ("give_up_after", "giv_up_after", "is no known field (did you mean 'give_up_after'?)"),
        ("    give_up_after: 5min", "    tls: {enabeld: true}", "6: sinks.0.tls.enabeld: is no known field (did you"),
        ("https://", "http://", ""),
        ("host: broker-2", "hst: broker-2", "9: sinks.1.broker.hst: is no known field (did you mean 'host'?)"),
        ("{site}/{asset}", "{sight}/{asset}", "10: sinks.1.topic: 'plant/{sight}/{asset}/andon' cannot be filled in"),
        ("{site}/{asset}", "{site}", "10: sinks.1.topic: 'plant/{site}/andon' is one topic for all machines"),
        ("{site}/{asset}", "+/{asset}", "10: sinks.1.topic: "),
        ("name: log", "name: scada", "two sinks are named 'scada'"),
        ("name: log", "name: a b", "11: sinks.2.name: sink 'a b' may hold only"),
        (GOOD[7:], " []\n", "1: sinks: holds 0 (at least 1 is needed)"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in GOOD
    file = tmp_path / "sinks.yaml"
    file.write_text(GOOD.replace(wrong, right, 1))
    if not said:
        load_sinks(file)
        return
    with pytest.raises(SinksError) as raised:
        load_sinks(file)
    assert said in str(raised.value).replace(f"{file}:", "")


@given(text=st.text() | st.text(alphabet="{}asetin!:[].0/+#", max_size=20))
def test_no_address_and_no_topic_breaks_the_reader(text: str) -> None:
    hook = {"name": "a", "kind": "webhook", "url": f"http://{text}"}
    scada = {"name": "b", "kind": "mqtt", "broker": {"host": "c"}, "topic": f"{{asset}}{text}"}
    for sink in (hook, scada):
        with contextlib.suppress(ValidationError):
            Sinks.model_validate({"sinks": [sink]})


def test_tls_on_an_http_address_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "sinks.yaml").write_text(
        GOOD.replace("https", "http").replace("give_up", "tls: {enabled: true}\n    give_up")
    )
    with pytest.raises(SinksError, match="has no effect on an http address"):
        load_sinks(tmp_path / "sinks.yaml")


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SinksError, match="set ANDON_NOTIFY__SINKS"):
        load_sinks(tmp_path / "none.yaml")


def test_a_route_to_a_sink_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    plant = content("north", {"to": ["log"]}, {"to": ["tickets", "scda"]})
    file.write_text(yaml.safe_dump(plant, sort_keys=False))
    check_routes(file, Plant.model_validate(plant), ["log", "tickets", "scda"])
    with pytest.raises(PlantError) as raised:
        check_routes(file, Plant.model_validate(plant), ["log", "tickets", "scada"])
    line = file.read_text().splitlines().index("  - scda") + 1
    assert str(raised.value) == f"{file}:{line}: routes.1.to.1: there is no sink 'scda' (did you mean 'scada'?)"
