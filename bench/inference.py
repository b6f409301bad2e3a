"""The inference service: feature vectors per second through a dense auto-encoder, and its cost beside the model's."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import onnxruntime as ort
from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.contracts import FeatureVector
from andon.features.definition import Aggregate
from andon.models import Bundle, cpu_limit, save_bundle
from andon.models.scorer import FEATURES, session_options
from andon.plant import Plant
from andon.stream.codec import Decoder, Record
from andon.stream.partition import Partition
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import Bus, bus, fill, is_quick, result, table
from bench.frames import CLASS, plant_document
from bench.growth import VISIBLE, Growth, watch_growth
from bench.model import served_from
from bench.vectors import Autoencoders, Vectors
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings
from services.trainer.train import feature_matrix

#: Eight tags and eight aggregates: 64 features.
_AGGREGATES = [each for each in Aggregate if each not in ("kurtosis", "crest_factor", "good_ratio")]
#: Neurons of each layer, the input first.
_LAYERS = (64, 128, 32, 128, 64)
#: What a large fetch brings of a partition, and what one of 2 MiB does.
_BATCH, _FETCHED = 5_000, 1_000
#: Share of the verdicts after which the service need not be watched any more.
_SEEN = 0.9


@dataclass
class _Seconds:
    """What each batch took, in this process."""

    run: list[float] = field(default_factory=list)
    """The model's graph, by ONNX Runtime alone."""
    process: list[float] = field(default_factory=list)
    """The stage: decoded vectors in, verdicts out."""
    whole: list[float] = field(default_factory=list)
    """With JSON on both sides, as the runtime does it."""

    def warm(self) -> _Seconds:
        """Return the same without the first batch."""
        return _Seconds(self.run[1:], self.process[1:], self.whole[1:])

    def ratio(self) -> float:
        """Return the stage's time over that of the graph alone."""
        return statistics.median(ours / bare for ours, bare in zip(self.process, self.run, strict=True))

    def vectors_per_s(self, size: int) -> float:
        """Return the rate of the stage with JSON on both sides, for batches of *size*."""
        return size / statistics.median(self.whole)


async def _polls(on: Bus, count: int) -> list[Record]:
    """Return about *count* records of the topic, as the runtime's consumer gets them."""
    where = TopicPartition(topic_name(on.plant, Stage.FEATURE), 0)
    consumer = AIOKafkaConsumer(**on.kafka.client_arguments(), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([where])
        wanted = min(count, int(VISIBLE * (await consumer.end_offsets([where]))[where]))
        records: list[Record] = []
        while len(records) < wanted:
            for polled in (await consumer.getmany(timeout_ms=1_000)).values():
                records += polled
    finally:
        await consumer.stop()
    return records[:wanted]


def _stage_seconds(plant: Plant, bundle: Bundle, records: Sequence[Record], size: int) -> _Seconds:
    """Return what batches of *size* take; the first only warms up."""
    spec = inference_stage(plant, {CLASS: bundle}, InferenceSettings())
    decoder, processor = Decoder(plant, FeatureVector, without=spec.without), spec.open({}, 0)
    partition = Partition(spec, decoder, "feature", 0, {}, 0)
    session = ort.InferenceSession(bundle.onnx, _bare_options(), providers=["CPUExecutionProvider"])
    took = _Seconds()
    for first in range(0, len(records) - size + 1, size):  # all three of each, so that a busy machine is fair to them
        batch = records[first : first + size]
        rows = decoder.decode(batch).rows[CLASS]
        matrix = feature_matrix(rows, bundle.manifest.features).astype(np.float32)
        took.run.append(_timed(partial(session.run, None, {FEATURES: matrix})))
        took.process.append(_timed(partial(processor.process, CLASS, rows, 0)))
        took.whole.append(_timed(partial(partition.prepare, batch, 0)))
    return took.warm()


def _bare_options() -> ort.SessionOptions:
    """Return the options of somebody who lets ONNX Runtime share out one call's work by itself."""
    options = session_options()
    options.intra_op_num_threads = cpu_limit()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _timed(function: Callable[[], object]) -> float:
    before = time.perf_counter()
    function()
    return time.perf_counter() - before


async def _fill(on: Bus, vectors: Vectors, count: int) -> None:
    await ensure_topics(on.kafka, on.plant)
    await fill(on.kafka, topic_name(on.plant, Stage.FEATURE), vectors.events, count)


async def _service(on: Bus, count: int) -> Growth:
    """Watch the real service work off the topic, with the broker beside it."""
    with child(on, "services.inference", environment=served_from(on.directory / "bundles")) as service:
        return await watch_growth(on.kafka, topic_name(on.plant, Stage.INFERENCE), int(_SEEN * count), [service])


def main() -> None:
    count, polls = (200_000, 4) if is_quick(__doc__ or "") else (600_000, 12)
    with bus(plant_document(aggregates=_AGGREGATES)) as on:
        vectors = Vectors(on.plant)
        bundle = Autoencoders(vectors, _LAYERS[1:-1]).bundle(7, created=0)
        save_bundle(bundle, on.directory / "bundles")
        asyncio.run(_fill(on, vectors, count))
        records = asyncio.run(_polls(on, polls * _BATCH))
        took = {size: _stage_seconds(on.plant, bundle, records, size) for size in (_BATCH, _FETCHED)}
        grown = asyncio.run(_service(on, count))
    table(
        f"Feature vectors of {_LAYERS[0]} features, auto-encoder of {'-'.join(map(str, _LAYERS))} neurons",
        ("batches of", "session.run ms", "process ms", "ratio", "with JSON ms", "vectors/s"),
        [_row(size, seconds) for size, seconds in took.items()],
    )
    table(
        "The service, with the broker on the same cores",
        ("vectors/s", "CPU us/vector"),
        [(f"{grown.rate():,.0f}", f"{grown.cpu_us():.1f}")],
    )
    result(
        "inference",
        vectors_per_s=took[_BATCH].vectors_per_s(_BATCH),
        ratio_ort=took[_BATCH].ratio(),
        ratio_ort_fetched=took[_FETCHED].ratio(),
        service_vectors_per_s=grown.rate(),
    )


def _row(size: int, took: _Seconds) -> tuple[str, ...]:
    run, process, whole = (statistics.median(each) * 1e3 for each in (took.run, took.process, took.whole))
    return (
        f"{size:,}",
        f"{run:.2f}",
        f"{process:.2f}",
        f"{took.ratio():.2f} x",
        f"{whole:.1f}",
        f"{took.vectors_per_s(size):,.0f}",
    )


if __name__ == "__main__":
    main()
