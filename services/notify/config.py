"""The sinks file's content: where alerts can be told, and how. Pure."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, ValidationInfo, field_validator

from andon.connection import Group, Text
from andon.mqtt.config import MqttConnection
from andon.plant.routes import SinkName
from andon.secrets import NamedTls, SecretRef
from andon.units import Span
from andon.uns.mqtt import check_mqtt_topic

#: What a topic may name in braces, each with a value to try it with.
_LEVELS = {"enterprise": "acme", "site": "north", "asset": "area/line/cell/machine"}


def _check_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:  # reading a wrong port raises
        raise ValueError("is no address of a webhook (write it as in https://tickets.acme.example/hooks/andon)")
    if url.username or url.password:
        raise ValueError("holds a user or password (say in `authorization` where it is)")
    return text


def _check_topic(text: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        topic = text.format(**_LEVELS)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(f"{text!r} cannot be filled in: {error} (it may name {', '.join(_LEVELS)})") from None
    if "asset" not in names:
        raise ValueError(f"{text!r} is one topic for all machines: name the {{asset}} in it")
    check_mqtt_topic(topic)
    return text


class SinkConfig(Group):
    """What the configurations of all kinds of sink share."""

    name: SinkName
    """Unique; what routes name, on every metric and log line, and part of the consumer group's name."""
    give_up_after: Span = Field(default=900_000_000, gt=0)
    """How long a change of an alert is tried to be told, from when it is taken up; then it becomes a dead letter."""
    at_once: int = Field(default=4, ge=1, le=100)
    """Most deliveries at once; those of one machine go one after the other."""


class WebhookConfig(SinkConfig):
    """An HTTP endpoint, to which each change of an alert is posted as JSON."""

    kind: Literal["webhook"]
    url: Annotated[Text, AfterValidator(_check_url)]
    """Where to post; only its host is ever shown."""
    secret: SecretRef | None = None
    """Where the secret is that signs each delivery (HMAC-SHA256)."""
    authorization: SecretRef | None = None
    """Where the value of the header `Authorization` is, such as `Bearer ...`."""
    tls: NamedTls = NamedTls()
    """Own certificates, for an https address."""
    timeout: Span = Field(default=10_000_000, gt=0)
    """An endpoint that takes longer to answer is tried again."""

    @field_validator("tls")
    @classmethod
    def _fits_url(cls, tls: NamedTls, info: ValidationInfo) -> NamedTls:
        if tls.enabled and not info.data.get("url", "https:").startswith("https:"):
            raise ValueError("has no effect on an http address (write https, or remove it)")
        return tls

    @property
    def address(self) -> str:
        """The endpoint's scheme and host; path and query may be secret."""
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}"


class MqttSinkConfig(SinkConfig):
    """An MQTT broker, such as SCADA reads from: a topic for each machine."""

    kind: Literal["mqtt"]
    broker: MqttConnection
    """The broker and how to reach it."""
    topic: Annotated[Text, AfterValidator(_check_topic)] = "andon/{site}/{asset}/alert"
    """The topic of a machine; may name {enterprise}, {site} and {asset}."""
    retain: bool = True
    """Whether the broker keeps a machine's newest message for whoever subscribes later."""


class LogConfig(SinkConfig):
    """The service's own log, one line for each change of an alert."""

    kind: Literal["log"]


AnySinkConfig = Annotated[WebhookConfig | MqttSinkConfig | LogConfig, Discriminator("kind")]


class Sinks(Group):
    """A sinks file. `services.notify.files.load_sinks` makes one."""

    sinks: tuple[AnySinkConfig, ...] = Field(min_length=1)
    """Where alerts can be told."""

    @field_validator("sinks")
    @classmethod
    def _names_differ(cls, sinks: tuple[AnySinkConfig, ...]) -> tuple[AnySinkConfig, ...]:
        names = [sink.name for sink in sinks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sinks are named {name!r} (rename one; the name says what each has been told)")
        return sinks

    @property
    def names(self) -> tuple[str, ...]:
        """The sinks' names, in the file's order."""
        return tuple(sink.name for sink in self.sinks)
