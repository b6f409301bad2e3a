"""Run the ingest service on a recording: ``python -m services.ingest``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from andon.clock import SECOND
from andon.contracts import DeadLetterReason
from andon.plant import Plant
from andon.recordings import describe
from andon.recordings.findings import Findings, Problem
from andon.service import run_service
from andon.settings import Settings
from andon.stream.producer import BatchProducer
from andon.stream.publish import Publisher
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Health, Metrics, Progress, get_logger
from andon.uns import Stage
from services.ingest.settings import IngestSettings
from services.ingest.source import RecordingSource, open_source

_log = get_logger(__name__)
_STAGE = str(Stage.RAW)


class ServiceSettings(Settings):
    """Settings of the ingest service."""

    ingest: IngestSettings


async def _run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    source = open_source(settings.ingest, plant)
    async with _publisher(plant, settings, metrics) as publisher:
        replay = asyncio.create_task(_replay(source, publisher, metrics, settings.ingest.recording.name))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((replay, stopping), return_when=asyncio.FIRST_COMPLETED)
        if replay.done():
            replay.result()
            for finding in describe(source.findings):
                _log.warning("recording", finding=finding)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.ingest.linger / SECOND):
                    await stopping
        replay.cancel()
        stopping.cancel()


@contextlib.asynccontextmanager
async def _publisher(plant: Plant, settings: ServiceSettings, metrics: Metrics) -> AsyncIterator[Publisher]:
    def on_retry() -> None:
        metrics.count("andon_delivery_retries_total", stage=_STAGE)

    progress = Progress(settings.telemetry.progress_timeout / SECOND, time.monotonic)
    health = Health(metrics, progress, ready=lambda: True)
    producer = BatchProducer(settings.kafka, on_retry=on_retry)
    await ensure_topics(settings.kafka, plant)
    await producer.start()
    await health.start(settings.telemetry.host, settings.telemetry.port)
    try:
        yield Publisher(producer, topic_name(plant, Stage.RAW), settings.kafka.partitions)
    finally:
        await health.stop()
        await producer.stop()


async def _replay(source: RecordingSource, publisher: Publisher, metrics: Metrics, name: str) -> None:
    _log.info("replaying", recording=name)
    unparsed = 0
    async for _, frames in source:
        refused = await publisher.publish(frames)
        for line in refused:
            _log.error("frame is larger than the broker takes", asset=line.key.decode(), bytes=line.size)
        metrics.count("andon_deadletters_total", len(refused), stage=_STAGE, reason=DeadLetterReason.TOO_LARGE)
        metrics.count("andon_source_frames_total", frames.height, source=name)
        before, unparsed = unparsed, _unparsed(source.findings)
        metrics.count("andon_source_unparsed_total", unparsed - before, source=name)
        metrics.count("andon_records_sent_total", frames.height - len(refused), stage=_STAGE)
    _log.info("the recording has ended", recording=name)


def _unparsed(findings: Findings) -> int:
    """Return how many values became missing so far."""
    return sum(count for each, count in findings.items() if each.problem in (Problem.UNREADABLE, Problem.NON_FINITE))


if __name__ == "__main__":
    run_service("ingest", ServiceSettings, _run)
