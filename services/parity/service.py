"""Watches the feature topic and checks a sample of it: the shell between the bus and the pure comparison.

It has no state that matters and no consumer group: it begins with what is sent after its start, and checks what its
budget allows. So it never delays the service whose work it checks, and shares neither its process nor its memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from andon.clock import SECOND
from andon.parity import Checker, Parity, Subject
from andon.parity.reading import check_records
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.reading import reader
from andon.stream.topics import count_partitions, topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.parity.report import Reporter
from services.parity.sample import affordable
from services.parity.settings import ParitySettings

_log = get_logger(__name__)
_POLL_MS = 500


class ParityService:
    """Checks until told to stop.

    Args:
        plant: the plant model.
        kafka: how to reach the broker.
        settings: how much to check.
        metrics: where to count.
        reporter: tells the registry; None where there is none.

    Attributes:
        ready: whether vectors that are sent from now on will be seen.
    """

    def __init__(
        self,
        plant: Plant,
        kafka: KafkaSettings,
        settings: ParitySettings,
        metrics: Metrics,
        reporter: Reporter | None = None,
    ) -> None:
        self._kafka, self._settings, self._metrics, self._reporter = kafka, settings, metrics, reporter
        self._topic, self._checker = topic_name(plant, Stage.FEATURE), Checker(plant, settings.tolerance)
        self._newest: dict[int, deque[ConsumerRecord]] = {}
        self._total = dict.fromkeys(self._checker.subjects, Parity())
        self._show(self._total)
        self.ready = False

    async def run(self, stop: asyncio.Event) -> None:
        """Check until *stop* is set.

        Raises:
            KafkaError: the broker does not answer at the start.
        """
        partitions = range((await count_partitions(self._kafka))[self._topic])
        self._newest = {number: deque(maxlen=self._settings.vectors) for number in partitions}
        async with reader(self._kafka, self._topic, partitions, max_wait=self._kafka.fetch_max_wait) as consumer:
            await consumer.seek_to_end()
            for where in consumer.assignment():
                await consumer.position(where)
            self.ready = True
            due = time.monotonic()
            while not stop.is_set():
                for where, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    self._newest[where.partition].extend(records)
                if time.monotonic() >= due:
                    await self._check_next()
                    if self._reporter:
                        await self._reporter.tell()
                    due = time.monotonic() + self._settings.every / SECOND

    async def _check_next(self) -> None:
        """Check the partition that has waited longest of those with new vectors."""
        number = next((number for number, waiting in self._newest.items() if waiting), None)
        if number is None:
            return
        waiting = self._newest.pop(number)
        self._newest[number] = deque(maxlen=self._settings.vectors)  # now the last one
        sample = affordable(waiting, self._settings.records)
        self._skip("budget", len(waiting) - len(sample))
        try:
            found = await check_records(self._kafka, self._checker, sample)
        except KafkaError as error:
            self._skip("broker", len(sample))
            _log.warning("vectors could not be checked", partition=number, error=repr(error))
        else:
            self._show(found)
            if self._reporter:
                self._reporter.add(found)
            self._skip("other", len(sample) - sum(parity.checked + parity.gone for parity in found.values()))

    def _show(self, found: Mapping[Subject, Parity]) -> None:
        for subject, parity in found.items():
            self._total[subject] += parity
            labels = subject._asdict()
            self._metrics.count("andon_parity_checked_total", parity.checked, **labels)
            self._metrics.count("andon_parity_mismatches_total", parity.mismatches, **labels)
            self._metrics.set("andon_parity_largest_relative_error", self._total[subject].largest, **labels)
            self._skip("gone", parity.gone)
            for each in parity.differences:
                _log.error("feature differs", vector=each.vector, feature=each.name, sent=each.sent, again=each.again)

    def _skip(self, reason: str, vectors: int) -> None:
        self._metrics.count("andon_parity_skipped_total", vectors, reason=reason)
