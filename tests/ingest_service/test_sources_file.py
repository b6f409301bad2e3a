"""sources.yaml: every mistake is named with its line, in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.errors import ConfigError
from andon.secrets import SecretRef
from services.ingest.sources import SourcesError, load_sources

OPCUA = """\
sources:
  - name: plc
    kind: opcua
    url: opc.tcp://plc-7:4840
    security: {policy: None}
    select:
      nodes:
        - {node: "nsu=http://vendor/;s=Flow", asset: line/pump, tag: flow}
"""
MQTT = """\
sources:
  - name: hall
    kind: mqtt
    broker: {host: broker-2}
    rules:
      - {topic: "a/{machine}", asset: "line/{machine}", time: /t}
"""


def load(folder: Path, text: str) -> str:
    """Load a text as a sources file and return what is wrong with it."""
    file = folder / "sources.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourcesError) as raised:
        load_sources(file)
    return str(raised.value).replace(str(folder), "")


def test_sound_files_are_read_and_their_paths_are_relative_to_them(tmp_path: Path) -> None:
    for text in (OPCUA, MQTT):
        (tmp_path / "sources.yaml").write_text(text)
        assert len(load_sources(tmp_path / "sources.yaml").sources) == 1
    listed = OPCUA.replace("      nodes:\n", "      lists: [{file: tags.csv}]\n      nodes:\n")
    (tmp_path / "sources.yaml").write_text(listed)
    (source,) = load_sources(tmp_path / "sources.yaml").sources
    assert source.select.lists[0].file == tmp_path / "tags.csv"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "wrong", "right", "said"),
    [
        (
            OPCUA,
            "kind: opcua",
            "kind: opcuaa",
            "/sources.yaml:2: sources.0: kind 'opcuaa' is not known here (did you mean",
        ),
        (OPCUA, "url: opc.tcp://plc-7:4840", "url: plc-7", "/sources.yaml:4: sources.0.url: 'plc-7' is no address"),
        (OPCUA, "security:", "colour: red\n    security:", "/sources.yaml:5: sources.0.colour: is no known field"),
        (OPCUA, "select:", "selekt:", "selekt: is no known field (did you mean"),
        (OPCUA, "nsu=http://vendor/;s=Flow", "ns=2;s=Flow", "nsu="),
        (OPCUA, "security:", "publishing: soon\n    security:", "/sources.yaml:5: sources.0.publishing: "),
        (OPCUA, "security:", "deadband: 1\n    deadband_percent: 2\n    security:", "either `deadband` or"),
        (OPCUA, "policy: None", "policy: Basic128", "/sources.yaml:5: sources.0.security.policy: "),
        (OPCUA, "asset: line/pump", "asset: line//pump", "/sources.yaml:8: "),
        (OPCUA, OPCUA[9:], OPCUA[9:] * 2, "two sources are named 'plc'"),
        (OPCUA, OPCUA, "sources: []\n", "/sources.yaml:1: sources: "),
        (OPCUA, OPCUA, "", "/sources.yaml:1: "),
        (OPCUA, "url:", "url: [", "/sources.yaml:"),
        (MQTT, "host: broker-2", "host: broker-2, password: {file: x}", "has no effect without a `username`"),
        (MQTT, "host: broker-2", "host: b, username: a, password: {file: x, env: y}", "either `file` or `env`"),
        (MQTT, "time: /t", "time: t", "/sources.yaml:6: sources.0.rules.0.time: "),
        (MQTT, "host: broker-2", "port: 1", "/sources.yaml:4: sources.0.broker.host: "),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, wrong: str, right: str, said: str) -> None:
    assert wrong in text
    found = load(tmp_path, text.replace(wrong, right, 1))
    assert said in found
    assert "sources.yaml:" in found


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SourcesError, match="set ANDON_INGEST__SOURCES"):
        load_sources(tmp_path / "none.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, OPCUA.replace("opc.tcp", "http").replace("policy: None", "policy: X")).splitlines()
    assert [line.split(":")[1] for line in found] == ["4", "5"]


def test_secrets_come_from_a_file_or_the_environment_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    monkeypatch.setenv("PLC_PASSWORD", "hunter3")
    found = [SecretRef(file=tmp_path / "password").read(), SecretRef(env="PLC_PASSWORD").read()]
    assert [secret.get_secret_value() for secret in found] == ["hunter2", "hunter3"]
    assert "hunter" not in repr(found)
    for missing in (SecretRef(file=tmp_path / "none"), SecretRef(env="NOT_SET")):
        with pytest.raises(ConfigError, match=r"cannot be read|is not set"):
            missing.read()
