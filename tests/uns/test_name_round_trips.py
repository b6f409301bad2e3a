"""Every name that can be built is parsed back to what it was built from, and never to anything else."""

import string
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.errors import NameRuleError
from andon.uns import (
    MqttAsset,
    MqttTag,
    SparkplugAsset,
    SparkplugMessage,
    SparkplugState,
    SparkplugTopic,
    Stage,
    TopicName,
    UmhTag,
    UmhTopic,
    asset_key,
    check_asset,
    parse_mqtt_asset,
    parse_mqtt_tag,
    parse_sparkplug,
    parse_topic,
    parse_umh,
    sparkplug_asset,
    umh_tag,
)

_ALPHANUMERIC = string.ascii_letters + string.digits
topic_segments = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=20)
key_segments = st.text(_ALPHANUMERIC + "_.-", min_size=1, max_size=12)
umh_segments = st.text(_ALPHANUMERIC + "_-", min_size=1, max_size=12)
umh_levels = umh_segments.filter(lambda segment: not segment.startswith("_"))
contracts = umh_segments.map("_".__add__)
sparkplug_ids = st.text(st.characters(codec="utf-8", exclude_characters="+/#\x00"), min_size=1, max_size=12)

topics = st.builds(TopicName, topic_segments, topic_segments, st.sampled_from(Stage), topic_segments)
paths = st.lists(key_segments, min_size=1, max_size=6).map("/".join)
node_messages = st.sampled_from([message for message in SparkplugMessage if not message.of_device])
device_messages = st.sampled_from([message for message in SparkplugMessage if message.of_device])
sparkplug_topics = st.one_of(
    st.builds(SparkplugTopic, sparkplug_ids, node_messages, sparkplug_ids),
    st.builds(SparkplugTopic, sparkplug_ids, device_messages, sparkplug_ids, sparkplug_ids),
    st.builds(SparkplugState, sparkplug_ids),
)
umh_topics = st.builds(
    UmhTopic,
    st.lists(umh_levels, min_size=1, max_size=8).map(tuple),
    contracts,
    umh_segments,
    st.lists(umh_segments, max_size=3).map(tuple),
)

names = st.one_of(
    topics.map(str),
    st.builds(MqttTag, topics, paths, key_segments).map(str),
    sparkplug_topics.map(str),
    umh_topics.map(str),
)


@st.composite
def misspelt_names(draw: st.DrawFn) -> str:
    name = draw(names)
    cut = draw(st.integers(0, len(name)))
    return (
        name[: cut - draw(st.integers(0, 1))] + draw(st.sampled_from(["", "/", ".", "_", ":", "+", "\n"])) + name[cut:]
    )


@given(topics)
def test_a_topic_is_parsed_back(topic: TopicName) -> None:
    assert parse_topic(str(topic)) == topic


@given(st.lists(key_segments, min_size=1, max_size=6))
def test_a_key_splits_into_the_segments_it_was_joined_from(segments: list[str]) -> None:
    assert check_asset(asset_key(*segments)).split("/") == segments


@given(topics, paths)
def test_mqtt_topic_of_an_asset_is_parsed_back(topic: TopicName, asset: str) -> None:
    built = MqttAsset(topic, asset)
    assert parse_mqtt_asset(str(built)) == built


@given(topics, paths, key_segments)
def test_mqtt_topic_of_a_tag_is_parsed_back(topic: TopicName, asset: str, tag: str) -> None:
    built = MqttTag(topic, asset, tag)
    assert parse_mqtt_tag(str(built)) == built


@given(sparkplug_topics)
def test_sparkplug_topic_is_parsed_back_whatever_its_ids(topic: SparkplugTopic | SparkplugState) -> None:
    assert parse_sparkplug(str(topic)) == topic


@given(topic_segments, topic_segments, paths, node_messages)
def test_edge_node_survives_sparkplug(enterprise: str, site: str, path: str, message: SparkplugMessage) -> None:
    asset = SparkplugAsset(enterprise, site, path)
    parsed = parse_sparkplug(str(asset.topic(message)))
    assert isinstance(parsed, SparkplugTopic)
    assert sparkplug_asset(parsed) == asset


@given(topic_segments, topic_segments, st.lists(key_segments, min_size=2, max_size=6), device_messages, st.data())
def test_device_survives_sparkplug_wherever_its_edge_node_ends(
    enterprise: str, site: str, segments: list[str], message: SparkplugMessage, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(segments) - 1))
    asset = SparkplugAsset(enterprise, site, "/".join(segments[:cut]), "/".join(segments[cut:]))
    parsed = parse_sparkplug(str(asset.topic(message)))
    assert isinstance(parsed, SparkplugTopic)
    assert sparkplug_asset(parsed) == asset
    assert asset.asset == "/".join(segments)


@given(umh_topics)
def test_umh_topic_is_parsed_back_whatever_its_levels(topic: UmhTopic) -> None:
    assert parse_umh(str(topic)) == topic


@given(
    topic_segments,
    topic_segments,
    st.lists(umh_levels, min_size=1, max_size=6).map("/".join),
    st.lists(umh_segments, min_size=1, max_size=3).map(".".join),
    contracts,
)
def test_tag_survives_umh(enterprise: str, site: str, asset: str, tag: str, contract: str) -> None:
    named = UmhTag(enterprise, site, asset, tag, contract)
    assert umh_tag(parse_umh(str(named.topic()))) == named


@given(topic_segments, topic_segments, paths, key_segments)
def test_a_tag_is_mapped_exactly_to_umh_or_refused(enterprise: str, site: str, asset: str, tag: str) -> None:
    with suppress(NameRuleError):
        named = UmhTag(enterprise, site, asset, tag)
        assert umh_tag(parse_umh(str(named.topic()))) == named


@given(name=misspelt_names())
@pytest.mark.parametrize("parse", [parse_topic, parse_mqtt_asset, parse_mqtt_tag, parse_sparkplug, parse_umh])
def test_what_is_parsed_at_all_builds_the_same_name_again(parse: Callable[[str], Any], name: str) -> None:
    with suppress(NameRuleError):
        assert str(parse(name)) == name
