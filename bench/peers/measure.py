"""One run of one peer at one job: rate, processor time, memory and latency."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from confluent_kafka import TopicPartition

from andon.models import save_bundle
from andon.stream.topics import ensure_topics
from bench.child import Child, child
from bench.common import Bus, bus, create_topics
from bench.frames import plant_document
from bench.growth import Growth, watch_growth
from bench.peers.outcome import Outcome
from bench.peers.peer import ANDON, FRAMES, Peer
from bench.peers.reference import Expected, expected
from bench.peers.tape import Tape
from bench.subjects.faust_plain import CHANGELOG
from bench.subjects.job import MODEL_FILE, Job
from bench.vectors import Autoencoders, Vectors

AGGREGATES = ("mean", "std", "min", "max")
#: Neurons between the features and their reconstruction.
LAYERS = (64, 16, 64)
#: The share of a backlog's results that a rate is taken of; the newest batches are not seen.
_SEEN = 0.85
#: A topic that has not grown for so long will not.
_QUIET_S = 0.4
#: The share of the highest rate at which latency is measured.
_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Attributes:
        frames_per_s: from a backlog.
        cpu_us: processor time a frame in microseconds, which is seconds a million frames.
        peak_mib: the most memory that the processes ever held.
        p50_ms, p99_ms: latency at half of the rate; NaN where it was not measured.
    """

    frames_per_s: float
    cpu_us: float
    peak_mib: float
    p50_ms: float = math.nan
    p99_ms: float = math.nan

    @property
    def frames_per_cpu_s(self) -> float:
        """Frames per second of processor time."""
        return 1e6 / self.cpu_us


async def measure_job(job: Job, peers: Sequence[Peer], *, share: float, live_s: float) -> dict[str, Run]:
    """Run *peers* at *job* once, all on one topic of one broker.

    Args:
        job: what they do.
        peers: who, the slowest first: the topic grows from one to the next.
        share: of the peers' backlogs.
        live_s: seconds of live frames for the latency; 0 for none.
    """
    with bus(plant_document(aggregates=AGGREGATES)) as on:
        graph = _save_model(on)
        await ensure_topics(on.kafka, on.plant)
        await create_topics(on.kafka, CHANGELOG, *(peer.output(on.plant, job) for peer in peers if peer.name != ANDON))
        tape, wanted = Tape(on, job), expected(on.plant, job, graph)
        found = {}
        for peer in peers:
            await tape.extend(int(share * peer.backlog[job]))
            outcome = Outcome(on.kafka, peer.output(on.plant, job), job)
            with _running(on, peer, job) as processes:
                found[peer.name] = await _measure(outcome, tape, processes, wanted, live_s)
        return found


async def _measure(outcome: Outcome, tape: Tape, processes: Sequence[Child], wanted: Expected, live_s: float) -> Run:
    grown = await _work_off(outcome, tape.count, processes)
    await asyncio.to_thread(outcome.check, wanted)
    frames = FRAMES[outcome.job]
    rate, cpu_us = grown.rate() * frames, grown.cpu_us() / frames
    latency = await _latency(outcome, tape, _LOAD * rate, live_s) if live_s else (math.nan, math.nan)
    return Run(rate, cpu_us, sum(each.peak_bytes for each in processes) / 2**20, *latency)


def _save_model(on: Bus) -> bytes:
    """Save the model of the job `score`, for Andon and for the others, and return its graph."""
    bundle = Autoencoders(Vectors(on.plant), LAYERS).bundle(7, created=0)
    save_bundle(bundle, on.directory / "bundles")
    (on.directory / MODEL_FILE).write_bytes(bundle.onnx)
    return bundle.onnx


@contextlib.contextmanager
def _running(on: Bus, peer: Peer, job: Job) -> Iterator[list[Child]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(child(on, each.module, each.arguments, each.environment))
            for each in peer.commands(job, on.directory)
        ]


async def _work_off(outcome: Outcome, count: int, processes: Sequence[Child]) -> Growth:
    until = int(_SEEN * count / FRAMES[outcome.job])
    return await watch_growth(outcome.kafka, outcome.topic, until, processes, timeout_s=180)


async def _latency(outcome: Outcome, tape: Tape, frames_per_s: float, live_s: float) -> tuple[float, float]:
    """Return the median and the 99th percentile of what live frames take, milliseconds."""
    start = await _settled(outcome)
    live = await tape.play(frames_per_s, live_s)
    found = await asyncio.to_thread(outcome.latencies_ms, live, start)
    return float(np.quantile(found, 0.5)), float(np.quantile(found, 0.99))


async def _settled(outcome: Outcome) -> list[TopicPartition]:
    """Return where the output topic ends once the backlog is worked off: when it has not grown for a while."""
    end = await asyncio.to_thread(outcome.offsets)
    while True:
        await asyncio.sleep(_QUIET_S)
        before, end = end, await asyncio.to_thread(outcome.offsets)
        if [each.offset for each in before] == [each.offset for each in end]:
            return end
