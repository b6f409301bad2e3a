"""The Sparkplug part of the sources file."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from andon.connection import Group
from andon.mqtt.config import MqttConnection
from andon.units import Duration
from services.ingest.config import NamedSource

#: A name in braces, which stands for any part of an id.
PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def _check_id(text: str) -> str:
    if not text or any(each in text for each in "+/#"):
        raise ValueError(f"{text!r} is no Sparkplug id (it may not be empty nor hold '+', '/' or '#')")
    return text


SparkplugId = Annotated[str, AfterValidator(_check_id)]
"""A group, edge node, device or host id."""


class SparkplugRule(Group):
    """Which asset an edge node or a device is, and which of its metrics are which tags.

    An id may hold names in braces, each of which stands for one or more characters: `line-{number}`. The same names in
    `asset` are replaced by what they stood for.
    """

    group: SparkplugId = "{group}"
    """The group id."""
    node: SparkplugId
    """The edge node id."""
    device: SparkplugId | None = None
    """The device id; not set: the rule is for the edge node's own metrics."""
    asset: str
    """The asset in the plant model, such as `press-shop/line-{number}/{device}`."""
    prefix: str = ""
    """Taken off the metrics' names, such as `Motor/`; a metric without it is not of this asset."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Metric name (in full) to tag, for those whose names do not say it: by itself `Motor/Bearing Temperature` is tag
    `motor.bearing_temperature`, or the tag of exactly that name."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known = [name for text in (self.group, self.node, self.device or "") for name in PLACEHOLDER.findall(text)]
        if twice := sorted({name for name in known if known.count(name) > 1}):
            raise ValueError(f"{{{twice[0]}}} is in the ids twice (give each its own name)")
        if unknown := sorted(set(PLACEHOLDER.findall(self.asset)) - set(known)):
            raise ValueError(f"`asset` names {{{unknown[0]}}}, which is in none of group, node and device")
        return self


class SparkplugConfig(NamedSource):
    """An MQTT broker with Sparkplug B edge nodes, to which Andon is a host application.

    Ids that follow Andon's convention need no rule: group `<enterprise>:<site>`, edge node and device ids that are the
    asset's path with `:` for `/` (`acme:north`, `water:line-1`, `station-1:pump-3`).
    """

    kind: Literal["sparkplug"]
    broker: MqttConnection
    """The MQTT broker and how to reach it."""
    host_id: SparkplugId = "andon"
    """The name under which Andon says whether it is online (`spBv1.0/STATE/<host_id>`); edge nodes that have it as
    their primary host hold their data back while Andon is away. Unique among the hosts of a broker."""
    groups: tuple[SparkplugId, ...] = ()
    """Groups to listen to; empty: all."""
    rules: tuple[SparkplugRule, ...] = ()
    """Say which assets edge nodes and devices are: all that fit count, a metric goes to the first with such a tag.
    Where none fits, the convention holds."""
    ignore: tuple[str, ...] = ("Properties/",)
    """Beginnings of the names of metrics that are no measurements; they are passed over without a word."""
    reorder_timeout: Duration = Field(default=2_000_000, gt=0)
    """How long to wait for a message when a later one of the same edge node came first; then a rebirth is asked for."""
    rebirth_first: Duration = Field(default=1_000_000, gt=0)
    """How long an edge node has to answer the first request for a rebirth; each further one waits twice as long."""
    rebirth_limit: Duration = Field(default=300_000_000, gt=0)
    """The longest wait between two requests to the same edge node."""

    @model_validator(mode="after")
    def _waits_ascend(self) -> Self:
        if self.rebirth_first > self.rebirth_limit:
            raise ValueError("`rebirth_first` is longer than `rebirth_limit` (swap them)")
        return self
