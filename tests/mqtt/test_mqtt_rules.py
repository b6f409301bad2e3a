"""Topics and bodies become readings as the rules say, or a reason."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.plant import Plant
from services.ingest.mqtt.config import MqttConfig, MqttRule
from services.ingest.mqtt.payloads import PayloadError, load, opcua, parse_time, umh
from services.ingest.mqtt.rules import Rules
from services.ingest.mqtt.topics import Pattern, covers, overlap, widest
from services.ingest.readings import Signals

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "payloads" / "opcua_pubsub_json"
NOW = 1_700_000_000_000_000
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {"tags": {"flow": {}, "motor.temperature": {}, "mode": {"kind": "state", "states": ["a"]}}}
        },
        "assets": {"water/line-1/pump-1": {"class": "pump"}, "water/line-1/pump-2": {"class": "pump"}},
    }
)
SIGNALS = Signals(PLANT)
MACHINE = {"topic": "plant/{line}/{machine}/data", "asset": "water/{line}/{machine}", "time": "/t"}
TOPIC = "plant/line-1/pump-1/data"

Read = list[tuple[str, Any, int | None, int]]


def rules(*given: dict[str, Any]) -> Rules:
    return Rules([MqttRule.model_validate(each) for each in given], SIGNALS)


def read(rule: dict[str, Any], topic: str, body: object) -> tuple[Read, list[str]]:
    """Readings as (asset tag, value, time after NOW, status), and the names that are no tags."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    batch, unmapped = rules(rule).channel(topic).read(data, NOW)
    rows = zip(batch.signals, batch.values, batch.source_times, batch.statuses, strict=True)
    found = [(" ".join(SIGNALS.name(s)), v, None if t is None else t - NOW, status) for s, v, t, status in rows]
    return found, list(unmapped)


def reason(rule: dict[str, Any], topic: str, body: object) -> str:
    with pytest.raises(PayloadError) as raised:
        read(rule, topic, body)
    return f"{raised.value.reason}: {raised.value}"


def test_levels_of_the_topic_name_the_machine_and_members_of_the_body_its_tags() -> None:
    body = {"t": "2023-11-14T22:13:21Z", "flow": 1.5, "motor": {"temperature": 60}, "serial": "x"}
    found, unmapped = read(MACHINE, TOPIC, body)
    assert found == [
        ("water/line-1/pump-1 flow", 1.5, 1_000_000, 0),
        ("water/line-1/pump-1 motor.temperature", 60, 1_000_000, 0),
    ]
    assert unmapped == ["serial"]


def test_values_can_be_anywhere_in_the_body_and_need_not_all_be_there() -> None:
    rule = MACHINE | {
        "values": {"flow": "/data/0/v", "mode": "/state~1now"},
        "time": "/data/0/at",
        "time_format": "epoch_ms",
    }
    assert read(rule, TOPIC, {"data": [{"v": 2, "at": 1_700_000_000_500}], "state/now": "a"})[0] == [
        ("water/line-1/pump-1 flow", 2, 500_000, 0),
        ("water/line-1/pump-1 mode", "a", 500_000, 0),
    ]
    assert read(rule, TOPIC, {"data": [{"at": 1_700_000_000_000}]}) == ([], [])


def test_a_bare_value_takes_tag_and_machine_from_the_topic_and_its_time_from_the_arrival() -> None:
    rule = {
        "topic": "{line}/{machine}/{tag}",
        "payload": "value",
        "asset": "water/{line}/{machine}",
        "tag": "{tag}",
        "time": "arrival",
    }
    assert read(rule, "line-1/pump-2/flow", 3.25)[0] == [("water/line-1/pump-2 flow", 3.25, 0, 0)]
    assert "schema" in reason(rule, "line-1/pump-2/flow", {"v": 1})
    assert "unmapped: topic 'line-1/pump-2/x' is tag 'x'" in reason(rule, "line-1/pump-2/x", 1)


def test_the_united_manufacturing_hubs_topics_and_payload_need_no_names() -> None:
    rule = {"topic": "umh/v1/acme/north/#", "payload": "umh"}
    topic = "umh/v1/acme/north/water/line-1/pump-1/_historian/motor/temperature"
    assert read(rule, topic, {"timestamp_ms": 1_700_000_000_001, "value": 55.5})[0] == [
        ("water/line-1/pump-1 motor.temperature", 55.5, 1_000, 0)
    ]
    several = {"topic": "umh/#", "payload": "umh", "asset": "water/line-1/pump-2"}
    found, _ = read(several, "umh/x", {"timestamp_ms": 1_700_000_000_000, "flow": 1, "motor": {"temperature": 2}})
    assert [name for name, *_ in found] == ["water/line-1/pump-2 flow", "water/line-1/pump-2 motor.temperature"]
    assert "schema: the body is no object with `timestamp_ms`" in reason(rule, topic, {"value": 1})


def test_of_rules_that_fit_the_first_holds_and_others_give_a_reason() -> None:
    chosen = rules(
        {"topic": "plant/+/pump-1/data", "asset": "water/line-1/pump-2", "time": "/t"},
        MACHINE,
    )
    batch, _ = chosen.channel(TOPIC).read(b'{"t":"2023-11-14T22:13:20Z","flow":1}', NOW)
    assert SIGNALS.name(batch.signals[0])[0] == "water/line-1/pump-2"
    for topic, said in (("elsewhere", "no rule fits"), ("plant/line-9/pump-1x/data", "is not in the plant model")):
        with pytest.raises(PayloadError, match=said):
            chosen.channel(topic)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "malformed"),
        (b'{"t": NaN}', "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[1]", "schema: the body is no JSON object"),
        (b'{"flow": 1}', "schema: the body has no time"),
        (b'{"t": "yesterday", "flow": 1}', "schema: the time 'yesterday'"),
        (b'{"t": 12, "flow": 1}', "schema: the time 12"),
        (b'{"t":"2023-11-14T22:13:20Z",' + b'"a":{' * 40 + b'"b":1' + b"}" * 41, "schema: the body is nested"),
    ],
)
def test_a_body_that_cannot_be_used_says_why(body: bytes, said: str) -> None:
    assert said in reason(MACHINE, TOPIC, body)


@pytest.mark.parametrize(
    ("value", "form", "micros"),
    [
        ("2022-03-18T12:55:21.3424136Z", "iso", 1_647_608_121_342_413),
        ("2022-03-18T13:55:21+01:00", "iso", 1_647_608_121_000_000),
        ("2022-03-18T12:55:21", "iso", 1_647_608_121_000_000),
        (1_647_608_121, "epoch_s", 1_647_608_121_000_000),
        (1_647_608_121.5, "epoch_s", 1_647_608_121_500_000),
        (1_647_608_121_342, "epoch_ms", 1_647_608_121_342_000),
        (1_647_608_121_342_413, "epoch_us", 1_647_608_121_342_413),
    ],
)
def test_times_are_read_as_they_are_written(value: Any, form: str, micros: int) -> None:
    assert parse_time(value, form) == micros


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"asset": "water/{zone}"}, "is no level of `topic`"),
        ({"asset": None}, "needs an `asset`"),
        ({"time": None}, "say where the time is"),
        ({"time": "t"}, "neither a JSON pointer"),
        ({"topic": "a/#/b"}, "must be the last level"),
        ({"topic": "a/{x}y"}, "mixes a name with text"),
        ({"topic": "a/b+", "asset": "x"}, "neither plain text"),
        ({"payload": "value"}, "give `tag`, and `time: arrival`"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_mistake_in_a_rule_is_explained(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("`", ".")):
        MqttRule.model_validate(MACHINE | changes)


LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=4).map("/".join)
FILTERS = LEVELS | LEVELS.map(lambda name: f"{name}/#") | st.just("#")
TOPICS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4).map("/".join)


@given(FILTERS, FILTERS, TOPICS)
def test_filters_cover_and_cross_as_their_topics_do(one: str, other: str, topic: str) -> None:
    first, second = (Pattern(each).match(topic) is not None for each in (one, other))
    if covers(one, other):
        assert first >= second
    if not overlap(one, other):
        assert not (first and second)


def test_what_a_broker_would_deliver_twice_is_subscribed_to_once_or_refused() -> None:
    assert widest({"a/+": 0, "a/#": 0, "b": 2, "a": 1}) == {"a/#": 1, "b": 2}
    crossing = [MACHINE | {"topic": "{line}/x"}, MACHINE | {"topic": "x/{line}"}]
    for rule in crossing:
        rule["asset"] = "water/{line}"
    with pytest.raises(ValidationError, match="cross"):
        MqttConfig.model_validate({"name": "m", "kind": "mqtt", "broker": {"host": "h"}, "rules": crossing})


def test_opc_ua_data_sets_keep_their_times_and_status_codes() -> None:
    value = {"Value": 7, "SourceTimestamp": "2023-11-14T22:13:21.0000005Z", "StatusCode": {"Code": 0x40920000}}
    bad = {"StatusCode": 0x80310000, "SourceTimestamp": "2023-11-14T22:13:20Z"}
    message = {"MessageType": "ua-deltaframe", "Payload": {"Speed": value, "motor.temperature": bad, "mode": "a"}}
    rule = {"topic": "#", "payload": "opcua_pubsub_json", "asset": "water/line-1/pump-1", "fields": {"flow": "Speed"}}
    found, _ = read(rule, "x", {"Messages": [message | {"Timestamp": "2023-11-14T22:13:22Z"}]})
    assert found == [
        ("water/line-1/pump-1 flow", 7, 1_000_000, 0x40920000),
        ("water/line-1/pump-1 motor.temperature", None, 0, 0x80310000),
        ("water/line-1/pump-1 mode", "a", 2_000_000, 0),
    ]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of ../shared/data/payloads are not here")
def test_a_commercial_publishers_messages_are_understood_or_refused_by_name() -> None:
    said: dict[str, int | str] = {}
    for path in sorted((SAMPLES / "azure_opc_publisher").glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            continue
        try:
            said[path.name[:2]] = len(list(opcua(document.get("body", document))))
        except PayloadError as error:
            said[path.name[:2]] = str(error.reason)
    values = {name: count for name, count in said.items() if isinstance(count, int)}
    assert values["00"] > 4
    assert values["06"] == 0  # a keep-alive
    assert values["07"] == values["10"] == 1
    assert values["12"] == 5
    assert said["02"] == said["04"] == said["13"] == "unsupported"  # events
    assert set(said.values()) - set(values.values()) == {"unsupported"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "timestamp_ms",
                    "value",
                    "Messages",
                    "Payload",
                    "MessageType",
                    "Value",
                    "NodeId",
                    "SourceTimestamp",
                    "StatusCode",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_breaks_a_payload_form(document: Any) -> None:
    for parse in (umh, opcua):
        with contextlib.suppress(PayloadError):
            assert all(isinstance(sample.status, int) for sample in parse(document))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(body: bytes) -> None:
    with contextlib.suppress(PayloadError):
        load(body)
