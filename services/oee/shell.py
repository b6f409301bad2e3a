"""Keeps OEE up to date: the shell between the database, the pure computation and the bus.

Computed from what is in the database, because only history can be corrected: late frames and corrected contexts touch
their minutes, whenever they come. What has changed is kept in the database until it is on the bus, so a crash leaves
nothing out; sent twice, it has the same id and revision.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import orjson

from andon.clock import SECOND, to_micros
from andon.contracts import Oee
from andon.database import Database
from andon.database.connection import AWAY
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.producer import BatchProducer
from andon.stream.publish import Publisher, new_lines
from andon.stream.topics import count_partitions, topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.oee.minutes import AssetShift, Connection, refresh_minutes, touch_everything, watch_tables
from services.oee.report import Product, Share, calendar_start, day_start, report, says_the_same
from services.oee.settings import OeeSettings

_log = get_logger(__name__)
_SUMS = """
SELECT m.asset_id, m.shift, m.product, m.state, sum(m.seconds) AS seconds, sum(m.produced) AS produced,
       sum(m.good) AS good, min(m.minute) AS first, max(m.minute) AS last
FROM oee.minute m JOIN unnest($1::integer[], $2::text[]) AS n(asset_id, shift) USING (asset_id, shift)
GROUP BY m.asset_id, m.shift, m.product, m.state
"""
_KNOWN = "SELECT id, revision, document FROM oee.indicator WHERE id = ANY($1)"
_KEEP = """
INSERT INTO oee.indicator (id, revision, document) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, document = excluded.document, published = false
"""
_TO_PUBLISH = "SELECT document FROM oee.indicator WHERE NOT published ORDER BY id LIMIT 1000"
_PUBLISHED = """
UPDATE oee.indicator i SET published = true FROM unnest($1::text[], $2::integer[]) AS n(id, revision)
WHERE i.id = n.id AND i.revision = n.revision
"""
_PRODUCTS = """
SELECT name, attributes ->> 'item_time' AS item_time, attributes ->> 'unit' AS unit
FROM andon.plant_event WHERE kind = 'product' AND recorded_to IS NULL
"""
_TOLD_START = """
SELECT min(valid_from) FROM andon.plant_event WHERE kind = 'shift' AND name = $1 AND recorded_to IS NULL
"""
# By event time, so that a recording of long ago is summed up like today.
_FORGET = "DELETE FROM oee.minute WHERE minute < (SELECT max(minute) FROM oee.minute) - $1::interval"


class OeeService:
    """Computes and publishes, until told to stop.

    Args:
        plant: the plant model.
        kafka: where to publish.
        settings: how often.
        metrics: where to show the figures.
    """

    def __init__(self, plant: Plant, kafka: KafkaSettings, settings: OeeSettings, metrics: Metrics) -> None:
        self._plant, self._kafka, self._settings, self._metrics = plant, kafka, settings, metrics
        self._topic = topic_name(plant, Stage.KPI)
        self._tables: dict[str, str] = {}
        self._newest: dict[str, int] = {}
        self.ready = False

    async def run(self, database: Database, stop: asyncio.Event) -> None:
        """Compute and publish until *stop* is set.

        Raises:
            KafkaError: the broker does not answer at the start.
        """
        producer = BatchProducer(self._kafka)
        await producer.start()
        try:
            publisher = Publisher(producer, self._topic, (await count_partitions(self._kafka))[self._topic])
            while not stop.is_set():
                try:
                    async with database.acquire() as connection:
                        await self._bring_up_to_date(connection, publisher, stop)
                    self._metrics.set("andon_database_away", 0)
                    self.ready = True
                except AWAY as error:
                    self._metrics.set("andon_database_away", 1)
                    _log.warning("the database is away, indicators wait", error=repr(error))
                await _pause(stop, self._settings.every / SECOND)
        finally:
            await producer.stop()

    async def _bring_up_to_date(self, connection: Connection, publisher: Publisher, stop: asyncio.Event) -> None:
        await self._watch(connection)
        more = True
        while more and not stop.is_set():
            more = await self._refresh(connection)
            await self._publish(connection, publisher)

    async def _watch(self, connection: Connection) -> None:
        """Watch the tables that are there by now; what one held before nobody watched it is computed, too."""
        known, wanted = set(self._tables), {name for name, each in self._plant.classes.items() if each.production}
        if known == wanted:
            return
        first = not await connection.fetchval("SELECT EXISTS (SELECT FROM oee.indicator)")
        async with connection.transaction():
            tables = await watch_tables(connection, self._plant)
            for name, relation in tables.items():
                if first and name not in known:
                    await touch_everything(connection, relation)
            await connection.execute(_FORGET, timedelta(microseconds=self._settings.keep))
        self._tables = tables

    async def _refresh(self, connection: Connection) -> bool:
        """Compute touched minutes and their shifts; return whether there were any."""
        async with connection.transaction():
            refreshed = await refresh_minutes(connection, self._plant, self._tables)
            if refreshed is None:
                return False
            changed, paths = refreshed
            reports = await self._reports(connection, changed, paths)
            await _keep(connection, reports)
        return True

    async def _reports(
        self, connection: Connection, changed: Iterable[AssetShift], paths: Mapping[int, str]
    ) -> list[Oee]:
        """Return the indicators of shifts."""
        numbers, shifts = [number for number, _ in changed], [shift for _, shift in changed]
        parts: dict[tuple[int, str, str | None], list[Share]] = {}
        for row in await connection.fetch(_SUMS, numbers, shifts):
            sums = (row["state"], row["seconds"], row["produced"], row["good"])
            share = Share(*sums, to_micros(row["first"]), to_micros(row["last"]))
            parts.setdefault((row["asset_id"], row["shift"], row["product"]), []).append(share)
        products = {row["name"]: Product(row["item_time"], row["unit"]) for row in await connection.fetch(_PRODUCTS)}
        found = []
        for (number, shift, product), shares in parts.items():
            asset = paths[number]
            if self._plant.class_of(asset):
                start = await self._start(connection, asset, shift, min(share.first for share in shares))
                item_time = self._item_time(asset, product, products)
                found.append(report(self._plant, asset, shift, product, shares, start, item_time))
        return found

    async def _start(self, connection: Connection, asset: str, shift: str, first: int) -> int:
        """Return when a shift starts: by the calendar, as it was told, or the local day."""
        start = calendar_start(self._plant, asset, shift, first)
        if start is None:
            told = await connection.fetchval(_TOLD_START, shift)
            start = day_start(self._plant, first) if told is None else to_micros(told)
        return start

    def _item_time(self, asset: str, product: str | None, products: Mapping[str, Product]) -> float | None:
        """Return the planned run time per unit of quantity; None, and a finding, when a product's cannot be used."""
        production = self._plant.classes[self._plant.class_of(asset) or ""].production
        if production is None:
            return None
        general = production.item_time / SECOND if production.item_time else None
        if product not in products:
            return general
        try:
            own = products[str(product)].seconds(production.unit)
        except ValueError as error:
            self._metrics.count("andon_product_findings_total")
            _log.warning("planned run time of a product cannot be used", product=product, reason=str(error))
            return None
        return general if own is None else own

    async def _publish(self, connection: Connection, publisher: Publisher) -> None:
        """Put on the bus what is not there yet, and remember that it is."""
        while rows := await connection.fetch(_TO_PUBLISH):
            told = [Oee.model_validate_json(row["document"]) for row in rows]
            pairs = [(oee.asset.encode(), oee.model_dump_json().encode()) for oee in told]
            await publisher.deliver(new_lines(pairs))
            self._metrics.count("andon_records_sent_total", len(told), stage=Stage.KPI)
            await connection.execute(_PUBLISHED, [oee.id for oee in told], [oee.revision for oee in told])
            self._show(told)

    def _show(self, told: Sequence[Oee]) -> None:
        """Show the figures of each asset's newest shift."""
        for oee in told:
            if oee.until >= self._newest.get(oee.asset, 0):
                self._newest[oee.asset] = oee.until
                figures = (oee.availability, oee.effectiveness, oee.quality_ratio, oee.oee_index)
                for name, value in zip(("availability", "effectiveness", "quality", "oee"), figures, strict=True):
                    if value is not None:
                        self._metrics.set("andon_oee_ratio", value, asset=oee.asset, indicator=name)


async def _keep(connection: Connection, reports: Sequence[Oee]) -> None:
    """Keep the reports that say something new, each with its next revision."""
    known = {row["id"]: row for row in await connection.fetch(_KNOWN, [oee.id for oee in reports])}
    for oee in reports:
        before = known.get(oee.id)
        if before and says_the_same(orjson.loads(before["document"]), oee.model_dump(mode="json")):
            continue
        revision = before["revision"] + 1 if before else 0
        text = oee.model_copy(update={"revision": revision}).model_dump_json()
        await connection.execute(_KEEP, oee.id, revision, text)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
