"""What became of feature vectors, read off the topics afterwards: one verdict that acts each, and how long it took."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from aiokafka import AIOKafkaConsumer

from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.reading import reader
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.common import BenchError

_WINDOW = ("asset", "time")
_SCHEMA = {"id": pl.String(), "asset": pl.String(), "time": pl.Int64(), "role": pl.String()}
_POLL_MS = 500
#: A verdict that has not come after so long does not come.
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of feature vectors.

    Attributes:
        lost: vectors without a verdict that acts.
        doubled: vectors with verdicts that act from two models; the same verdict twice has no effect and is none.
        waited: when each vector was published (`published`, milliseconds UTC) and how long it took to its verdict
            (`latency`, milliseconds).
    """

    lost: int
    doubled: int
    waited: pl.DataFrame

    def p99(self, spans: Iterable[tuple[float, float]]) -> float:
        """Return the 99th percentile of the latency of vectors published within *spans* (milliseconds UTC), in ms."""
        within = pl.any_horizontal(pl.col("published").is_between(*span) for span in spans)
        return float(self.waited.filter(within).get_column("latency").quantile(0.99) or 0.0)


async def read_verdicts(kafka: KafkaSettings, plant: Plant) -> Verdicts:
    """Compare the feature topic, to which nobody writes any more, with the inference topic.

    Raises:
        BenchError: there are no vectors.
    """
    vectors = await _read(kafka, topic_name(plant, Stage.FEATURE))
    if vectors.is_empty():
        raise BenchError("no feature vector was published")
    found, deadline = await _compare(kafka, plant, vectors), time.monotonic() + _PATIENCE_S
    while found.lost and time.monotonic() < deadline:
        found = await _compare(kafka, plant, vectors)
    return found


async def _compare(kafka: KafkaSettings, plant: Plant, vectors: pl.DataFrame) -> Verdicts:
    inferences = await _read(kafka, topic_name(plant, Stage.INFERENCE))
    acting = inferences.filter(pl.col("role").is_in(["production", "canary"]))
    told = acting.group_by(_WINDOW).agg(pl.col("id").n_unique().alias("verdicts"), judged=pl.col("at").min())
    found = vectors.join(told, on=_WINDOW, how="left")
    return Verdicts(
        lost=int(found["judged"].null_count()),
        doubled=int((found["verdicts"] > 1).sum()),
        waited=found.drop_nulls("judged").select(published="at", latency=pl.col("judged") - pl.col("at")),
    )


async def _read(kafka: KafkaSettings, topic: str) -> pl.DataFrame:
    """Return id, asset, time and role of each event, and when the broker was given it (`at`, milliseconds UTC)."""
    parts = [pl.DataFrame(schema=_SCHEMA | {"at": pl.Int64()})]
    async with reader(kafka, topic, range(kafka.partitions)) as consumer:
        while not await _at_end(consumer):
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                rows = pl.read_ndjson(io.BytesIO(b"\n".join(record.value for record in records)), schema=_SCHEMA)
                parts.append(rows.with_columns(at=pl.Series([record.timestamp for record in records], dtype=pl.Int64)))
    return pl.concat(parts)


async def _at_end(consumer: AIOKafkaConsumer) -> bool:
    """Return whether all is read.

    The high watermark of a fetch says so; what the embedded broker calls an end offset begins the newest batch.
    """
    for where in consumer.assignment():
        end = consumer.highwater(where)
        if end is None or await consumer.position(where) < end:
            return False
    return True
