"""From a topic and a body to readings, as the rules of the sources file say. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from andon.contracts import DeadLetterReason
from andon.errors import NameRuleError
from andon.uns.umh import parse_umh, umh_tag
from services.ingest.mqtt.config import ARRIVAL, MqttRule, Payload
from services.ingest.mqtt.payloads import PayloadError, Sample, at, flat, load, opcua, parse_time, pointer, umh
from services.ingest.mqtt.topics import Pattern, fill
from services.ingest.readings import Readings, Signals

#: Topics that are remembered; a broker with more, or one that makes up topics, costs time and no memory.
_MAX_TOPICS = 100_000

#: Takes the parsed body and the moment of its arrival.
_Samples = Callable[[Any, int], Iterable[Sample]]


class Channel:
    """One topic: whose values it brings.

    Attributes:
        dated: whether its messages carry the time at which they were measured.
    """

    def __init__(self, samples: _Samples, find: Callable[[str], int | None], *, dated: bool) -> None:
        self._samples, self._find, self.dated = samples, find, dated
        self._signals: dict[str, int | None] = {}

    def read(self, body: bytes, received: int) -> tuple[Readings, Sequence[str]]:
        """Return the readings of a message, and the names in it that are no tags.

        Raises:
            PayloadError: the body cannot be used.
        """
        batch, unmapped = Readings(received), []
        for sample in self._samples(load(body), received):
            signal = self._signal(sample.name)
            if signal is None:
                unmapped.append(sample.name)
            else:
                batch.add(signal, sample.value, sample.source_time, sample.server_time, sample.status)
        return batch, unmapped

    def _signal(self, name: str) -> int | None:
        if name not in self._signals:
            if len(self._signals) >= _MAX_TOPICS:
                self._signals.clear()
            self._signals[name] = self._find(name)
        return self._signals[name]


class Rules:
    """The rules of one source.

    Args:
        rules: of several that fit a topic, the first holds.
        signals: numbers of the plant's tags.
    """

    def __init__(self, rules: Sequence[MqttRule], signals: Signals) -> None:
        self._rules = [(Pattern(rule.topic), rule) for rule in rules]
        self._signals = signals
        self._channels: dict[str, Channel | str] = {}

    def channel(self, topic: str) -> Channel:
        """Return what a topic brings.

        Raises:
            PayloadError: no rule fits, or the one that does names no asset or tag of the plant model.
        """
        found = self._channels.get(topic)
        if found is None:
            if len(self._channels) >= _MAX_TOPICS:
                self._channels.clear()
            found = self._channels[topic] = self._open(topic)
        if isinstance(found, str):
            raise PayloadError(DeadLetterReason.UNMAPPED, found)
        return found

    def _open(self, topic: str) -> Channel | str:
        for pattern, rule in self._rules:
            names = pattern.match(topic)
            if names is not None:
                return self._channel(rule, names, topic)
        return f"no rule fits topic {topic!r} (add one)"

    def _channel(self, rule: MqttRule, names: Mapping[str, str], topic: str) -> Channel | str:
        try:
            asset, tag = _named(rule, names, topic)
        except NameRuleError as error:
            return f"topic {topic!r}: {error}"
        if not self._signals.knows(asset):
            return (
                f"topic {topic!r} is of asset {asset!r}, which is not in the plant model (add it, or correct the rule)"
            )
        if tag is not None and self._signals.find(asset, tag) is None:
            return f"topic {topic!r} is tag {tag!r} of {asset}, which its class does not have"
        renamed = {field: name for name, field in rule.fields.items()}

        def find(name: str) -> int | None:
            return self._signals.find(asset, renamed.get(name, name) if name else tag or "")

        return Channel(_samples(rule), find, dated=rule.time != ARRIVAL)


def _named(rule: MqttRule, names: Mapping[str, str], topic: str) -> tuple[str, str | None]:
    """Return the asset and, if the topic says it, the tag."""
    tag = fill(rule.tag, names) if rule.tag is not None else None
    if rule.asset is not None:
        return fill(rule.asset, names), tag
    parsed = umh_tag(parse_umh(topic.replace("/", ".")))
    return parsed.asset, tag or parsed.tag


def _samples(rule: MqttRule) -> _Samples:
    if rule.payload is Payload.UMH:
        return lambda document, _: umh(document)
    if rule.payload is Payload.OPCUA:
        return lambda document, _: opcua(document)
    if rule.payload is Payload.VALUE:
        return lambda document, received: [Sample("", _scalar(document), received)]
    return _Object(rule)


class _Object:
    """A JSON object whose values are where the rule says."""

    def __init__(self, rule: MqttRule) -> None:
        self._places = {tag: pointer(path) for tag, path in rule.values.items()}
        self._time = None if rule.time is None or rule.time == ARRIVAL else pointer(rule.time)
        self._format = rule.time_format
        self._own_time = rule.time and rule.time[1:].replace("/", ".")
        self._one = rule.tag is not None and not rule.values

    def __call__(self, document: Any, received: int) -> Iterator[Sample]:
        if not isinstance(document, dict):
            raise PayloadError(DeadLetterReason.SCHEMA, "the body is no JSON object")
        time = received if self._time is None else self._read_time(document)
        if self._one:
            yield Sample("", _scalar(document.get("value")), time)
            return
        if not self._places:
            yield from (Sample(name, value, time) for name, value in flat(document) if name != self._own_time)
        for tag, place in self._places.items():
            try:
                yield Sample(tag, at(document, place), time)
            except KeyError:
                continue  # a message need not bring all

    def _read_time(self, document: Any) -> int:
        try:
            found = at(document, self._time or ())
        except KeyError:
            raise PayloadError(DeadLetterReason.SCHEMA, "the body has no time where the rule says it is") from None
        return parse_time(found, self._format)


def _scalar(document: Any) -> Any:
    if isinstance(document, (dict, list)):
        raise PayloadError(DeadLetterReason.SCHEMA, "the value is no bare number, boolean or text")
    return document
