"""Which asset an edge node or device is, and which tag a metric: looked up once, at birth."""

from __future__ import annotations

import re
from dataclasses import dataclass

from andon.errors import NameRuleError
from andon.plant import Plant
from andon.uns import SparkplugTopic, sparkplug_asset
from services.ingest.readings import Signals
from services.ingest.sparkplug.config import PLACEHOLDER, SparkplugConfig, SparkplugRule
from services.ingest.sparkplug.payload import BDSEQ

#: What every edge node and device has beside its measurements (specification 3.0.0, 6.4.6 and 6.4.9).
_CONTROLS = ("Node Control/", "Device Control/")


@dataclass(frozen=True, slots=True)
class Place:
    """An asset that an edge node or device was found to be, and how its metrics are named.

    Attributes:
        asset: its path in the plant model.
        prefix: what is taken off the metrics' names.
        tags: metric name to tag, where the name does not say it.
    """

    asset: str
    prefix: str
    tags: dict[str, str]


class Mapping:
    """The rules of one source, applied to one plant."""

    def __init__(self, config: SparkplugConfig, plant: Plant, signals: Signals) -> None:
        self._rules = [(_compiled(rule), rule) for rule in config.rules]
        self._ignored = (*_CONTROLS, *config.ignore)
        self._plant = plant
        self._signals = signals

    def places(self, topic: SparkplugTopic) -> tuple[Place, ...]:
        """Return the assets of the plant that *topic* speaks of; none when neither rule nor convention leads to one.

        There are several where an edge node or device has the metrics of several machines: one rule for each.
        """
        ids = _ids(topic.group, topic.node, topic.device)
        found = [(rule, match) for pattern, rule in self._rules if (match := pattern.fullmatch(ids)) is not None]
        places = [Place(_filled(rule.asset, match), rule.prefix, rule.tags) for rule, match in found]
        if not found:
            places = self._by_convention(topic)
        return tuple(place for place in places if place.asset in self._plant.assets)

    def _by_convention(self, topic: SparkplugTopic) -> list[Place]:
        try:
            found = sparkplug_asset(topic)
        except NameRuleError:
            return []
        here = (found.enterprise, found.site) == (self._plant.enterprise, self._plant.site)
        return [Place(found.asset, "", {})] if here else []

    def is_measurement(self, metric: str) -> bool:
        """Return whether a metric, by its name, is one that somebody may expect among the tags."""
        return metric != BDSEQ and not metric.startswith(self._ignored)

    def signal(self, places: tuple[Place, ...], metric: str) -> int | None:
        """Return the number of the signal that a metric is; None when no tag of these assets fits."""
        found = (self._signal_at(place, metric) for place in places)
        return next((signal for signal in found if signal is not None), None)

    def _signal_at(self, place: Place, metric: str) -> int | None:
        if (tag := place.tags.get(metric)) is not None:
            return self._signals.find(place.asset, tag)
        if not metric.startswith(place.prefix):
            return None
        name = metric.removeprefix(place.prefix)
        found = self._signals.find(place.asset, name)
        return found if found is not None else self._signals.find(place.asset, _as_tag(name))


def _filled(template: str, match: re.Match[str]) -> str:
    return PLACEHOLDER.sub(lambda name: match[name[1]], template)


def _as_tag(name: str) -> str:
    return name.replace("/", ".").replace(" ", "_").lower()


def _ids(*ids: str | None) -> str:
    """Join ids by what none of them can hold."""
    return "/".join(each or "" for each in ids)


def _compiled(rule: SparkplugRule) -> re.Pattern[str]:
    return re.compile(_ids(*(text and _pattern(text) for text in (rule.group, rule.node, rule.device))))


def _pattern(text: str) -> str:
    """Return the regular expression of an id with names in braces."""
    literal = PLACEHOLDER.split(text)
    return "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(literal))
