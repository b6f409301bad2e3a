"""Names on an MQTT broker: the unified namespace with '/' between its levels.

::

    uns/v1/<enterprise>/<site>/<stage>/<area>/<line>/<cell>/<asset>          a whole asset
    uns/v1/<enterprise>/<site>/<stage>/<area>/<line>/<cell>/<asset>/<tag>    one of its tags

Assets lie one to six levels deep, so a tag's level looks like an asset's: whoever subscribes knows
which of the two a topic carries and calls `parse_mqtt_asset` or `parse_mqtt_tag`. Each is the exact
inverse of `str()` on what it returns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from andon.errors import NameRuleError
from andon.uns.names import TopicName, check_asset, check_tag, check_topic_segment, parse_topic

#: MQTT's own limit: a string's length is sent in two bytes (MQTT 5.0, 1.5.4).
MAX_MQTT_BYTES = 65_535

#: Wildcards belong in filters (4.7.1); NUL and surrogates in no MQTT string (1.5.4).
_FORBIDDEN = re.compile("[+#\x00\ud800-\udfff]")
_TOPIC_LEVELS = 5


@dataclass(frozen=True, slots=True)
class MqttAsset:
    """The MQTT topic of a whole asset; `str()` builds it.

    Raises:
        NameRuleError: says which level breaks which rule.
    """

    topic: TopicName
    asset: str

    def __post_init__(self) -> None:
        check_asset(self.asset)
        check_mqtt_topic(str(self))

    def __str__(self) -> str:
        return f"{_levels(self.topic)}/{self.asset}"


@dataclass(frozen=True, slots=True)
class MqttTag:
    """The MQTT topic of one tag of an asset; `str()` builds it.

    Raises:
        NameRuleError: says which level breaks which rule.
    """

    topic: TopicName
    asset: str
    tag: str

    def __post_init__(self) -> None:
        check_asset(self.asset)
        check_tag(self.tag)
        check_mqtt_topic(str(self))

    def __str__(self) -> str:
        return f"{_levels(self.topic)}/{self.asset}/{self.tag}"


def parse_mqtt_asset(path: str) -> MqttAsset:
    """Parse the MQTT topic of a whole asset.

    Raises:
        NameRuleError: says which level breaks which rule.
    """
    topic, below = _split(path)
    return MqttAsset(topic, "/".join(below))


def parse_mqtt_tag(path: str) -> MqttTag:
    """Parse the MQTT topic of one tag.

    Raises:
        NameRuleError: says which level breaks which rule.
    """
    topic, below = _split(path)
    if len(below) < 2:
        raise NameRuleError(f"MQTT topic {path!r} names no tag: nothing follows asset {below[0]!r}", segment=below[0])
    return MqttTag(topic, "/".join(below[:-1]), below[-1])


def check_mqtt_topic(topic: str) -> str:
    """Return *topic* if a client may publish to it.

    MQTT itself would allow empty levels; Andon does not, as they are typing errors.

    Raises:
        NameRuleError: a level is empty or holds ``+``, ``#``, NUL or a surrogate, or the whole is too long.
    """
    for position, level in enumerate(topic.split("/"), start=1):
        if not level:
            raise NameRuleError(f"MQTT topic {topic!r}: level {position} is empty", segment=level)
        if found := _FORBIDDEN.search(level):
            raise NameRuleError(
                f"MQTT topic {topic!r}: level {position} {level!r} holds {found[0]!r}, "
                "which may not stand in a topic that is published to",
                segment=level,
            )
    if (size := len(topic.encode())) > MAX_MQTT_BYTES:
        longest = max(topic.split("/"), key=len)
        raise NameRuleError(
            f"MQTT topic of {size} bytes, MQTT allows {MAX_MQTT_BYTES}: shorten {longest[:40]!r}...",
            segment=longest,
        )
    return topic


def _levels(topic: TopicName) -> str:
    return str(topic).replace(".", "/")  # no segment of a topic's name holds a '.'


def _split(path: str) -> tuple[TopicName, list[str]]:
    """Return the topic that the first levels name, and the levels below it, at least one."""
    levels = check_mqtt_topic(path).split("/")
    if len(levels) <= _TOPIC_LEVELS:
        raise NameRuleError(
            f"MQTT topic {path!r} has {len(levels)} levels, needs prefix/v1/enterprise/site/stage and an asset path",
            segment=path,
        )
    for level in levels[:_TOPIC_LEVELS]:
        check_topic_segment(level, f"MQTT topic {path!r}: level")
    return parse_topic(".".join(levels[:_TOPIC_LEVELS])), levels[_TOPIC_LEVELS:]
