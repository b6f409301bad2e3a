"""Keyed state in a changelog of the batch runtime: recovered at the start, then written."""

from __future__ import annotations

import asyncio
import sys
import time

from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.producer import BatchProducer
from andon.stream.state import restore, state_lines
from bench.subjects.updates import updates


async def _recover(kafka: KafkaSettings, changelog: str) -> None:
    begun = time.monotonic()
    restored = [await restore(kafka, changelog, number) for number in range(kafka.partitions)]
    print("recovered", time.monotonic() - begun, sum(len(each.state) for each in restored), flush=True)


async def _write(kafka: KafkaSettings, changelog: str, batches: int) -> None:
    producer = BatchProducer(kafka)
    await producer.start()
    print("begun", time.monotonic(), flush=True)
    for batch in range(batches):
        await producer.deliver(changelog, batch % kafka.partitions, state_lines(dict(updates(batch))))
    await producer.stop()


async def _run(kafka: KafkaSettings, changelog: str, batches: str) -> None:
    await _recover(kafka, changelog)
    await _write(kafka, changelog, int(batches))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(read_settings(Settings).kafka, *sys.argv[1:]))
