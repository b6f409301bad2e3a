"""The MQTT part of the sources file."""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from andon.connection import Group, Text
from andon.mqtt.config import MqttConnection
from andon.units import Duration
from services.ingest.config import NamedSource
from services.ingest.mqtt.topics import check_pattern, covers, overlap, placeholders, topic_filter

#: Stands for "when it arrived" where a rule names the place of the time.
ARRIVAL = "arrival"


def _check_pointer(text: str) -> str:
    if text != ARRIVAL and not text.startswith("/"):
        raise ValueError(f"{text!r} is neither a JSON pointer, such as /time or /data/0/t, nor {ARRIVAL!r}")
    return text


def _check_value_pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON pointer, such as /temperature or /data/0/v")
    return text


class Payload(StrEnum):
    """What a message's body is."""

    JSON = "json"
    """A JSON object; `values` say where the tags' values are in it."""
    VALUE = "value"
    """One bare JSON number, boolean or text."""
    UMH = "umh"
    """`{"timestamp_ms": 1700000000000, "value": 3.5}` as the United Manufacturing Hub writes it."""
    OPCUA = "opcua_pubsub_json"
    """OPC UA PubSub JSON (OPC UA part 14, 7.2.5): network and dataset messages, and OPC Publisher's samples."""


class MqttRule(Group):
    """Which topics are what. Of several rules that fit a topic, the first holds."""

    topic: Annotated[str, AfterValidator(check_pattern)]
    """Topic with levels in braces, which stand for any one level (`plant/{line}/{machine}/state`); `+` and `#` as MQTT
    has them."""
    payload: Payload = Payload.JSON
    """json, value, umh or opcua_pubsub_json."""
    asset: str | None = None
    """The asset in the plant model, such as `water/{line}/{machine}`. Not needed for umh topics that name it
    (`umh/v1/<enterprise>/<site>/.../_historian/<tag>`)."""
    tag: str | None = None
    """The tag, where the topic says it, such as `{tag}`; for payloads that hold one value."""
    values: dict[str, Annotated[str, AfterValidator(_check_value_pointer)]] = Field(default_factory=dict)
    """json: tag to the JSON pointer of its value (`flow: /data/flow`). Empty: each member of the object that is named
    like a tag."""
    fields: dict[str, str] = Field(default_factory=dict)
    """opcua_pubsub_json: tag to field name, DisplayName or NodeId, for those that are not named like the tag."""
    time: Annotated[str, AfterValidator(_check_pointer)] | None = None
    """json: JSON pointer of the time. json and value: `arrival`, if a message's arrival is to count as its time."""
    time_format: Literal["iso", "epoch_s", "epoch_ms", "epoch_us"] = "iso"
    """How that time is written; ISO times without an offset are UTC."""
    qos: Literal[0, 1, 2] = 1
    """Quality of service to subscribe with."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if unknown := sorted(self._named() - set(placeholders(self.topic))):
            raise ValueError(f"{{{unknown[0]}}} is no level of `topic` {self.topic!r} (name that level so)")
        if self.asset is None and self.payload is not Payload.UMH:
            raise ValueError("a rule needs an `asset`, the path of a machine in plant.yaml")
        if self.payload is Payload.VALUE and (self.tag is None or self.time != ARRIVAL):
            raise ValueError("a bare value has no name and no time: give `tag`, and `time: arrival`")
        if self.payload is Payload.JSON and self.time is None:
            raise ValueError("say where the time is (`time: /timestamp`), or `time: arrival`")
        return self

    def _named(self) -> set[str]:
        return {*placeholders(self.asset or ""), *placeholders(self.tag or "")}


class Acknowledge(StrEnum):
    """When the broker is told that a message of QoS 1 or 2 has been taken."""

    RECEIVED = "received"
    """When Andon has it in memory. `kill -9` loses what waits for its frame there: one scan interval at most while
    Kafka is there."""
    DELIVERED = "delivered"
    """When its frame is with Kafka or in the spool: nothing is lost. The broker must let that many messages wait for
    their acknowledgement (Mosquitto: max_inflight_messages, which is 20), or it sends no more until a scan is over."""


class MqttConfig(NamedSource):
    """An MQTT broker, and rules that say what its topics are."""

    kind: Literal["mqtt"]
    broker: MqttConnection
    """The broker and how to reach it."""
    rules: tuple[MqttRule, ...] = Field(min_length=1)
    """What its topics are."""
    share: Text | None = None
    """Name of a shared subscription (MQTT 5): several ingest services with it share the messages among them."""
    session: Duration = 3_600_000_000
    """How long the broker keeps messages of QoS 1 and 2 for us while we are away; 0: not at all."""
    acknowledge: Acknowledge = Acknowledge.RECEIVED
    """received or delivered."""
    max_bytes: int = Field(default=1_048_576, ge=1)
    """A larger body becomes a dead letter without being read."""

    @model_validator(mode="after")
    def _rules_do_not_cross(self) -> Self:
        for one, other in combinations([topic_filter(rule.topic) for rule in self.rules], 2):
            if overlap(one, other) and not (covers(one, other) or covers(other, one)):
                raise ValueError(
                    f"topics {one!r} and {other!r} cross: some topics fit both, so the broker would deliver their "
                    "messages twice (write the topics so that one contains the other, or none)"
                )
        return self

    @model_validator(mode="after")
    def _fits_version(self) -> Self:
        if self.share is not None and self.broker.version != "5":
            raise ValueError("`share` needs MQTT 5: set the broker's `version` to 5, or remove it")
        return self
