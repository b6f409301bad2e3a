"""Following lineage headers on the bus, from a decision to its raw frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from aiokafka import ConsumerRecord

from andon.clock import MILLISECOND
from andon.errors import ConfigError
from andon.lineage.chain import Chain, EventName, Link, Place, parse_id
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.publish import partition_of
from andon.stream.reading import read_range, read_to_end
from andon.stream.topics import count_partitions, topic_name
from andon.uns import Stage


class Walk:
    """Reads the records of one asset, back from a decision.

    Args:
        settings: how to reach the broker.
        plant: names the site's topics.
    """

    def __init__(self, settings: KafkaSettings, plant: Plant) -> None:
        self._settings, self._plant = settings, plant
        self._gaps: list[str] = []
        self._asset = b""

    async def back_from(self, name: str) -> Chain:
        """Return the chain behind an alert, an inference or a feature vector.

        Args:
            name: the event's id, or an alert's name, which stands for the change that opened it.

        Raises:
            ConfigError: it is no such name, or there is no such event on the bus.
            KafkaError: the broker cannot be used.
        """
        wanted = parse_id(name)
        self._gaps, self._asset = [], wanted.asset.encode()
        found = await self._find(wanted, name)
        alert = found if wanted.stage is Stage.ALERT else None
        inference = found if wanted.stage is Stage.INFERENCE else await self._inference_of(alert)
        feature = found if wanted.stage is Stage.FEATURE else await self._one_behind(inference, "the feature vector")
        context = await self._frames_of(feature)
        return Chain(alert, inference, feature, context, await self._raw_of(context), self._gaps)

    async def others(self, chain: Chain, since: int) -> Sequence[Link]:
        """Return the asset's raw frames up to the chain's last that are not its own, of event time *since* or later.

        Raises:
            KafkaError: the broker cannot be used.
        """
        if not chain.raw:
            return ()
        own, last = {link.place for link in chain.raw}, chain.raw[-1].place
        whole = Place(last.topic, last.partition, 0, last.first)
        return await self._read(whole, lambda link: link.place not in own and link.event["time"] >= since)

    async def _find(self, wanted: EventName, name: str) -> Link:
        topic = topic_name(self._plant, wanted.stage)
        partitions = (await count_partitions(self._settings)).get(topic)
        if partitions is None:
            raise ConfigError(f"there is no topic {topic} at {self._settings.bootstrap_servers}")
        number = partition_of(self._asset, partitions)
        async for record in read_to_end(self._settings, topic, (number,)):
            # Decoding is dear, and an id stands in its record as it is.
            if record.key == self._asset and name.encode() in (record.value or b""):
                link = _link(record)
                if name in (link.event.get("id"), link.event.get("alert")):
                    return link
        raise ConfigError(f"there is no event {name!r} in {topic} (misspelt, or older than the topic keeps)")

    async def _inference_of(self, alert: Link | None) -> Link | None:
        if alert is None or alert.made_of is None:
            return None
        wanted = alert.event.get("inference")
        found = await self._read(alert.made_of, lambda link: link.event.get("id") == wanted)
        return self._only(found, f"the inference {wanted}")

    async def _one_behind(self, link: Link | None, what: str) -> Link | None:
        if link is None or link.made_of is None:
            return None
        return self._only(await self._read(link.made_of, lambda _: True), what)

    async def _frames_of(self, feature: Link | None) -> Sequence[Link]:
        """Return the frames in a window; between its first and last offset there may be frames of other windows."""
        if feature is None or feature.made_of is None:
            return ()
        start, end = feature.event["start"], feature.event["time"]
        found = await self._read(feature.made_of, lambda link: start <= link.event["time"] < end)
        frames = list({link.event["id"]: link for link in reversed(found)}.values())[::-1]
        if len(frames) != feature.event["samples"]:
            self._gaps.append(f"{len(frames)} of the window's {feature.event['samples']} frames are left on the bus")
        return frames

    async def _raw_of(self, context: Sequence[Link]) -> Sequence[Link]:
        places = [link.made_of for link in context if link.made_of]
        if not places:
            return ()
        offsets = {place.first for place in places}
        whole = Place(places[0].topic, places[0].partition, min(offsets), max(offsets))
        found = await self._read(whole, lambda link: link.place.first in offsets)
        if len(found) != len(offsets):
            self._gaps.append(f"{len(offsets) - len(found)} raw frames are gone: {whole}")
        return found

    async def _read(self, place: Place, takes: Callable[[Link], bool]) -> list[Link]:
        """Return the asset's records in a place; others lie between them."""
        records = read_range(self._settings, place.topic, place.partition, place.first, place.last)
        links = [_link(record) async for record in records if record.key == self._asset]
        return [link for link in links if takes(link)]

    def _only(self, found: Sequence[Link], what: str) -> Link | None:
        if not found:
            self._gaps.append(f"{what} is gone: older than its topic keeps")
            return None
        return found[0]


def _link(record: ConsumerRecord) -> Link:
    place = Place(record.topic, record.partition, record.offset, record.offset)
    return Link(place, orjson.loads(record.value), dict(record.headers), record.timestamp * MILLISECOND)
