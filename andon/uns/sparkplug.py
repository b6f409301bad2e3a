"""Names in Sparkplug B, by the topic rules of the Sparkplug specification 3.0.0, chapter 4.

::

    spBv1.0/<group_id>/<message_type>/<edge_node_id>[/<device_id>]
    spBv1.0/STATE/<sparkplug_host_id>

`parse_sparkplug` takes any plant's topics. To map them to assets without a table, Andon writes
levels into ids with ':', which no segment of Andon's may hold (this is known as the Parris method):

============ ======================================= ==========================
group id     ``<enterprise>:<site>``                 ``acme:north``
edge node id the edge node's asset path, ':' for '/' ``water:line-1``
device id    the device's path below its edge node   ``station-1:pump-3``
============ ======================================= ==========================

So ``spBv1.0/acme:north/DDATA/water:line-1/station-1:pump-3`` is data of asset
``water/line-1/station-1/pump-3`` at site ``north``, and an edge node is an asset itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from andon.errors import NameRuleError
from andon.uns.mqtt import check_mqtt_topic
from andon.uns.names import check_asset, check_topic_segment

NAMESPACE = "spBv1.0"
_STATE = "STATE"
_SEPARATOR = ":"


class SparkplugMessage(StrEnum):
    """What a Sparkplug message is: N... are of an edge node, D... of a device behind one."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    NDATA = "NDATA"
    DDATA = "DDATA"
    NCMD = "NCMD"
    DCMD = "DCMD"

    @property
    def of_device(self) -> bool:
        """Whether its topic must name a device; otherwise it must not."""
        return self.startswith("D")


@dataclass(frozen=True, slots=True)
class SparkplugTopic:
    """The topic of an edge node or a device; `str()` builds it.

    Raises:
        NameRuleError: says which id breaks which rule.
    """

    group: str
    message: SparkplugMessage
    node: str
    device: str | None = None

    def __post_init__(self) -> None:
        _check_id(self.group, "group id")
        _check_id(self.node, "edge node id")
        if self.device is not None:
            _check_id(self.device, "device id")
        self._check_device_fits()
        check_mqtt_topic(str(self))

    def _check_device_fits(self) -> None:
        if self.message.of_device and self.device is None:
            raise NameRuleError(f"{self.message} is of a device, so a device id must follow", segment=self.message)
        if not self.message.of_device and self.device is not None:
            raise NameRuleError(
                f"{self.message} is of an edge node, so device id {self.device!r} may not follow", segment=self.device
            )

    def __str__(self) -> str:
        ids = (NAMESPACE, self.group, self.message, self.node)
        return "/".join(ids if self.device is None else (*ids, self.device))


@dataclass(frozen=True, slots=True)
class SparkplugState:
    """The topic in which a host application says whether it is online; `str()` builds it.

    Raises:
        NameRuleError: the host id breaks a rule.
    """

    host: str

    def __post_init__(self) -> None:
        _check_id(self.host, "host id")
        check_mqtt_topic(str(self))

    def __str__(self) -> str:
        return f"{NAMESPACE}/{_STATE}/{self.host}"


@dataclass(frozen=True, slots=True)
class SparkplugAsset:
    """An edge node, or a device behind one, as Andon names them; the inverse of `sparkplug_asset`.

    Attributes:
        node: asset path of the edge node.
        device: the device's path below its edge node; None for the edge node itself.

    Raises:
        NameRuleError: says which segment breaks which rule.
    """

    enterprise: str
    site: str
    node: str
    device: str | None = None

    def __post_init__(self) -> None:
        check_topic_segment(self.enterprise, "enterprise")
        check_topic_segment(self.site, "site")
        check_asset(self.asset)

    @property
    def asset(self) -> str:
        """ISA-95 path below the site."""
        return self.node if self.device is None else f"{self.node}/{self.device}"

    def topic(self, message: SparkplugMessage) -> SparkplugTopic:
        """Return the Sparkplug topic of its messages of type *message*.

        Raises:
            NameRuleError: the message is of an edge node and this is a device, or the other way round.
        """
        return SparkplugTopic(
            group=f"{self.enterprise}{_SEPARATOR}{self.site}",
            message=message,
            node=self.node.replace("/", _SEPARATOR),
            device=None if self.device is None else self.device.replace("/", _SEPARATOR),
        )


def parse_sparkplug(topic: str) -> SparkplugTopic | SparkplugState:
    """Parse a Sparkplug B topic, whatever its ids mean.

    Raises:
        NameRuleError: says which level breaks which rule.
    """
    namespace, *levels = topic.split("/")
    if namespace != NAMESPACE:
        raise NameRuleError(f"Sparkplug topic {topic!r} does not begin with {NAMESPACE!r}", segment=namespace)
    match levels:
        case ["STATE", host]:
            return SparkplugState(host)
        case [group, message, node]:
            return SparkplugTopic(group, _message(message, topic), node)
        case [group, message, node, device]:
            return SparkplugTopic(group, _message(message, topic), node, device)
    raise NameRuleError(
        f"Sparkplug topic {topic!r} has {len(levels) + 1} levels, needs "
        f"{NAMESPACE}/group/message/edge node[/device] or {NAMESPACE}/{_STATE}/host",
        segment=topic,
    )


def sparkplug_asset(topic: SparkplugTopic) -> SparkplugAsset:
    """Return the asset that *topic* speaks of, if its ids follow Andon's convention.

    Raises:
        NameRuleError: says which id does not; such plants map their topics one by one.
    """
    group = topic.group.split(_SEPARATOR)
    if len(group) != 2:
        raise NameRuleError(f"group id {topic.group!r} is not '<enterprise>:<site>'", segment=topic.group)
    return SparkplugAsset(
        enterprise=group[0],
        site=group[1],
        node=topic.node.replace(_SEPARATOR, "/"),
        device=None if topic.device is None else topic.device.replace(_SEPARATOR, "/"),
    )


def _check_id(text: str, role: str) -> None:
    if not text:
        raise NameRuleError(f"{role} is empty", segment=text)
    for forbidden in "+/#":
        if forbidden in text:
            raise NameRuleError(f"{role} {text!r} may not hold {forbidden!r}", segment=text)


def _message(text: str, topic: str) -> SparkplugMessage:
    if text not in list(SparkplugMessage):
        known = ", ".join(SparkplugMessage)
        raise NameRuleError(f"Sparkplug topic {topic!r}: message type {text!r} is none of {known}", segment=text)
    return SparkplugMessage(text)
