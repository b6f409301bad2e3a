"""Each rule of a name, broken once: the error names the segment that is wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from andon.errors import NameRuleError
from andon.uns import (
    MqttAsset,
    SparkplugAsset,
    SparkplugMessage,
    SparkplugTopic,
    Stage,
    TopicName,
    UmhTag,
    UmhTopic,
    check_asset,
    check_tag,
    parse_mqtt_asset,
    parse_mqtt_tag,
    parse_sparkplug,
    parse_topic,
    parse_umh,
    sparkplug_asset,
    umh_tag,
)
from andon.uns.mqtt import check_mqtt_topic

TOPIC = TopicName("acme", "north", Stage.RAW)


@pytest.mark.parametrize(
    ("parse", "name", "segment"),
    [
        (parse_topic, "uns.v1.acme.north", "uns.v1.acme.north"),
        (parse_topic, "uns.v1.acme.north.raw.more", "uns.v1.acme.north.raw.more"),
        (parse_topic, "uns.v2.acme.north.raw", "v2"),
        (parse_topic, "uns.v1.acme.north.row", "row"),
        (parse_topic, "UNS.v1.acme.north.raw", "UNS"),
        (parse_topic, "uns.v1.Acme.north.raw", "Acme"),
        (parse_topic, "uns.v1.acme.north_1.raw", "north_1"),
        (parse_topic, "uns.v1.acme..raw", ""),
        (parse_topic, f"uns.v1.acme.{'n' * 250}.raw", "n" * 250),
        (check_asset, "", ""),
        (check_asset, "water//pump-3", ""),
        (check_asset, "water/pump 3", "pump 3"),
        (check_asset, "water/pümp", "pümp"),
        (check_asset, "water/pump-3\n", "pump-3\n"),
        (check_asset, "a/b/c/d/e/f/g", "a/b/c/d/e/f/g"),
        (check_tag, "flow/rate", "flow/rate"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw", "uns/v1/acme/north/raw"),
        (parse_mqtt_asset, "uns/v1/acme/north/row/water", "row"),
        (parse_mqtt_asset, "un.s/v1/acme/north/raw/water", "un.s"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/+/pump-3", "+"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/water/#", "#"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/water\0/pump-3", "water\0"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/water/\ud800", "\ud800"),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/water/", ""),
        (parse_mqtt_asset, "/uns/v1/acme/north/raw/water", ""),
        (parse_mqtt_asset, "uns/v1/acme/north/raw/water/pump 3", "pump 3"),
        (parse_mqtt_tag, "uns/v1/acme/north/raw/water", "water"),
        (parse_sparkplug, "spAv1.0/plant/NDATA/node", "spAv1.0"),
        (parse_sparkplug, "STATE/host", "STATE"),
        (parse_sparkplug, "spBv1.0/STATE", "spBv1.0/STATE"),
        (parse_sparkplug, "spBv1.0/STATE/ho+st", "ho+st"),
        (parse_sparkplug, "spBv1.0/plant/XDATA/node", "XDATA"),
        (parse_sparkplug, "spBv1.0/plant/DDATA/node", "DDATA"),
        (parse_sparkplug, "spBv1.0/plant/NDATA/node/device", "device"),
        (parse_sparkplug, "spBv1.0/pl#ant/NDATA/node", "pl#ant"),
        (parse_sparkplug, "spBv1.0//NDATA/node", ""),
        (parse_sparkplug, "spBv1.0/plant/DDATA/node/dev\0ice", "dev\0ice"),
        (parse_sparkplug, "spBv1.0/plant/DDATA/node/device/tag", "spBv1.0/plant/DDATA/node/device/tag"),
        (parse_umh, "umh.v2.acme._raw.flow", "v2"),
        (parse_umh, "uhm.v1.acme._raw.flow", "uhm"),
        (parse_umh, "umh", "umh"),
        (parse_umh, "umh.v1.acme.north.flow", "umh.v1.acme.north.flow"),
        (parse_umh, "umh.v1.acme.north._raw", "umh.v1.acme.north._raw"),
        (parse_umh, "umh.v1._raw.flow", "_raw"),
        (parse_umh, "umh.v1.acme._.flow", "_"),
        (parse_umh, "umh.v1.acme..water._raw.flow", ""),
        (parse_umh, "umh.v1.ac me._raw.flow", "ac me"),
        (parse_umh, "umh.v1.acme._raw.mo/tor.flow", "mo/tor"),
        (parse_umh, "umh.v1.acme._raw.fl@w", "fl@w"),
    ],
)
def test_parsing_names_the_wrong_segment(parse: Callable[[str], Any], name: str, segment: str) -> None:
    with pytest.raises(NameRuleError) as raised:
        parse(name)
    assert raised.value.segment == segment


@pytest.mark.parametrize(
    ("build", "segment"),
    [
        (lambda: MqttAsset(TOPIC, "water/pump 3"), "pump 3"),
        (lambda: MqttAsset(TOPIC, f"water/{'p' * 70_000}"), "p" * 70_000),
        (lambda: SparkplugTopic("a/b", SparkplugMessage.NDATA, "node"), "a/b"),
        (lambda: SparkplugAsset("acme", "north", "water").topic(SparkplugMessage.DDATA), "DDATA"),
        (lambda: SparkplugAsset("acme", "north", "water", "pump").topic(SparkplugMessage.NDATA), "pump"),
        (lambda: SparkplugAsset("Acme", "north", "water"), "Acme"),
        (lambda: SparkplugAsset("acme", "north", "water:line"), "water:line"),
        (lambda: SparkplugAsset("acme", "north", "water", ""), ""),
        (lambda: SparkplugAsset("acme", "north", "a/b/c", "d/e/f/g"), "a/b/c/d/e/f/g"),
        (lambda: sparkplug_asset(SparkplugTopic("plant 7", SparkplugMessage.NDATA, "node")), "plant 7"),
        (lambda: sparkplug_asset(SparkplugTopic("acme:north", SparkplugMessage.NDATA, "node 1")), "node 1"),
        (lambda: UmhTopic((), "_raw", "flow"), "_raw"),
        (lambda: UmhTopic(("acme", "_north"), "_raw", "flow"), "_north"),
        (lambda: UmhTag("acme", "north", "water/pump.3", "flow"), "pump.3"),
        (lambda: UmhTag("acme", "north", "water/_pump", "flow"), "_pump"),
        (lambda: UmhTag("acme", "north", "water/pump-3", "motor..flow"), "motor..flow"),
        (lambda: UmhTag("acme", "north", "water/pump-3", "flow", "raw"), "raw"),
        (lambda: umh_tag(UmhTopic(("acme", "north"), "_raw", "flow")), "acme.north"),
        (lambda: umh_tag(UmhTopic(("Acme", "north", "water"), "_raw", "flow")), "Acme"),
    ],
)
def test_building_names_the_wrong_segment(build: Callable[[], Any], segment: str) -> None:
    with pytest.raises(NameRuleError) as raised:
        build()
    assert raised.value.segment == segment


def test_the_documented_examples() -> None:
    assert str(MqttAsset(TOPIC, "water/line-1/pump-3")) == "uns/v1/acme/north/raw/water/line-1/pump-3"
    sparkplug = SparkplugAsset("acme", "north", "water/line-1", "station-1/pump-3").topic(SparkplugMessage.DDATA)
    assert str(sparkplug) == "spBv1.0/acme:north/DDATA/water:line-1/station-1:pump-3"
    umh = UmhTag("acme", "north", "water/line-1/pump-3", "motor.temperature").topic()
    assert str(umh) == "umh.v1.acme.north.water.line-1.pump-3._historian.motor.temperature"


def test_messages_stay_readable_for_very_long_names() -> None:
    with pytest.raises(NameRuleError) as raised:
        check_mqtt_topic("a/" + "b" * 70_000)
    assert len(str(raised.value)) < 200
