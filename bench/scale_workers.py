"""`bench.scale`: one service's workers sharing a topic: rate, and how long partitions are shared out anew."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence

from pydantic import BaseModel

from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, fill
from bench.frames import RATE_HZ, context_frames, plant_document
from bench.growth import Growth, watch_growth
from sandbox.monitor import scrape

PARTITIONS = 8
#: Enough for their keys to lie evenly in the partitions.
_MACHINES = 400
#: Windows are counted until this share of them is seen; the last of each machine stay open.
_SEEN = 0.9
_PATIENCE_S = 600


class Sharing(BaseModel):
    """What a number of feature workers did with one topic.

    Attributes:
        workers: how many.
        frames_per_s: of all together, with the broker on the same cores.
        cpu_us: processor time of all together, a frame.
        joined_s: from the start of one more process until it had partitions and all were owned; None if it gets none.
        left_s: from SIGTERM to that one until the others owned all partitions.
        killed_s: from SIGKILL to another until the others owned all; None where nobody is left.
    """

    workers: int
    frames_per_s: float
    cpu_us: float
    joined_s: float | None
    left_s: float | None
    killed_s: float | None


def measure_sharing(workers: int, frames: int) -> Sharing:
    """Let feature workers share a backlog, then let one come, go and be killed."""
    return asyncio.run(_measure(workers, frames))


async def _measure(count: int, frames: int) -> Sharing:
    with contextlib.ExitStack() as stack:
        on = stack.enter_context(bus(plant_document(machines=_MACHINES), partitions=PARTITIONS))
        await ensure_topics(on.kafka, on.plant)
        topic = topic_name(on.plant, Stage.CONTEXT)
        await fill(on.kafka, topic, lambda first, n: context_frames(on.plant, first, n, machines=_MACHINES), frames)
        workers = [stack.enter_context(child(on, "services.feature")) for _ in range(count)]
        grown = await _work_off(on, workers, frames)
        joined = left = killed = None
        if another_gets_some(count):
            joined, left = await _come_and_go(on, workers, stack)
        if count > 1:
            begun = time.monotonic()
            workers.pop().kill()
            killed = await _owned(workers) - begun
        return Sharing(
            workers=count,
            frames_per_s=grown.rate() * RATE_HZ,
            cpu_us=grown.cpu_us() / RATE_HZ,
            joined_s=joined,
            left_s=left,
            killed_s=killed,
        )


def another_gets_some(count: int) -> bool:
    """Return whether one more worker gets partitions: none move while nobody has more than a share, rounded up."""
    return count * math.ceil(PARTITIONS / (count + 1)) < PARTITIONS


async def _work_off(on: Bus, workers: Sequence[Child], frames: int) -> Growth:
    """Watch the output from the moment on when all workers have partitions; what came before does not count."""
    await _owned(workers)
    output = topic_name(on.plant, Stage.FEATURE)
    return await watch_growth(on.kafka, output, int(_SEEN * frames / RATE_HZ), workers, timeout_s=_PATIENCE_S)


async def _come_and_go(on: Bus, workers: Sequence[Child], stack: contextlib.ExitStack) -> tuple[float, float]:
    begun = time.monotonic()
    another = stack.enter_context(child(on, "services.feature"))
    joined = await _owned([*workers, another]) - begun
    begun = time.monotonic()
    stopped = asyncio.create_task(asyncio.to_thread(another.stop))
    left = await _owned(workers) - begun
    await stopped
    return joined, left


async def _owned(workers: Sequence[Child]) -> float:
    """Return the moment when each of *workers* has partitions, and all are theirs.

    Raises:
        BenchError: a worker ended, or it did not come to that in time.
    """
    ports = {str(number): worker.port for number, worker in enumerate(workers)}
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for worker in workers:
            worker.check()
        owned = [reading.total("andon_partitions") for reading in (await scrape(ports)).values()]
        if all(owned) and sum(owned) == PARTITIONS:
            return time.monotonic()
        await asyncio.sleep(0.1)
    raise BenchError(f"partitions of {len(workers)} workers after {_PATIENCE_S} s: {owned}")
