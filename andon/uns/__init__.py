"""The unified namespace: names of topics, keys and tags, and their mapping to other systems' names."""

from andon.uns.mqtt import MqttAsset, MqttTag, parse_mqtt_asset, parse_mqtt_tag
from andon.uns.names import Stage, TopicName, asset_key, check_asset, check_tag, parse_topic
from andon.uns.sparkplug import (
    SparkplugAsset,
    SparkplugMessage,
    SparkplugState,
    SparkplugTopic,
    parse_sparkplug,
    sparkplug_asset,
)
from andon.uns.umh import UmhTag, UmhTopic, parse_umh, umh_tag

__all__ = [
    "MqttAsset",
    "MqttTag",
    "SparkplugAsset",
    "SparkplugMessage",
    "SparkplugState",
    "SparkplugTopic",
    "Stage",
    "TopicName",
    "UmhTag",
    "UmhTopic",
    "asset_key",
    "check_asset",
    "check_tag",
    "parse_mqtt_asset",
    "parse_mqtt_tag",
    "parse_sparkplug",
    "parse_topic",
    "parse_umh",
    "sparkplug_asset",
    "umh_tag",
]
