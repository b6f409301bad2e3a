"""State per key: the batch runtime's changelog against a Faust table, writing and recovering updates."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from andon.stream.codec import Line
from andon.stream.producer import BatchProducer
from bench.child import child
from bench.common import BenchError, Bus, bus, create_topics, is_quick, result, table
from bench.frames import plant_document
from bench.growth import watch_growth
from bench.subjects.updates import BATCH, KEYS

#: Writing is timed until this share of the updates is seen in the changelog; see `watch_growth` for the rest.
_SEEN = 0.9
_BATCH_CHANGELOG = "bench.state-pass"
_FAUST_ID = "bench.faust-table"
_FAUST_CHANGELOG = f"{_FAUST_ID}-state-changelog"
_FAUST_INPUT = f"{_FAUST_ID}-batches"


@dataclass(frozen=True, slots=True)
class _Measured:
    write_s: float
    recover_s: float


async def _measure(on: Bus, module: str, changelog: str, batches: int, *arguments: str) -> _Measured:
    """Let a first process write all batches and a second recover them."""
    updates = batches * BATCH
    with child(on, module, arguments) as subject:
        grown = await watch_growth(on.kafka, changelog, int(_SEEN * updates), [subject], sample_s=0.02)
        begun = float((await subject.said("begun"))[0])
    with child(on, module, arguments) as subject:
        seconds, keys = await subject.said("recovered")
    if int(keys) < _SEEN * KEYS:
        raise BenchError(f"{module} recovered {keys} of {KEYS} keys")
    return _Measured(grown.seconds[-1] - begun, float(seconds))


async def _hand_out(on: Bus, batches: int) -> None:
    """Tell the Faust agent which batches to write, one event each."""
    producer = BatchProducer(on.kafka)
    await producer.start()
    for batch in range(batches):
        await producer.deliver(_FAUST_INPUT, batch % on.kafka.partitions, [Line(b"", str(batch).encode(), [])])
    await producer.stop()


async def _round(batches: int) -> tuple[_Measured, _Measured]:
    with bus(plant_document()) as on:
        await create_topics(on.kafka, _BATCH_CHANGELOG, _FAUST_CHANGELOG, _FAUST_INPUT)
        await _hand_out(on, batches)
        ours = await _measure(
            on, "bench.subjects.batch_table", _BATCH_CHANGELOG, batches, _BATCH_CHANGELOG, str(batches)
        )
        theirs = await _measure(on, "bench.subjects.faust_table", _FAUST_CHANGELOG, batches, _FAUST_ID)
    return ours, theirs


def main() -> None:
    batches, rounds = (50, 1) if is_quick(__doc__ or "") else (100, 5)
    ours, theirs = zip(*(asyncio.run(_round(batches)) for _ in range(rounds)), strict=True)
    table(
        f"{batches * BATCH:,} updates of {KEYS:,} keys",
        ("", "write s", "recover s"),
        [
            (name, *(f"{statistics.median(seconds):.2f}" for seconds in _columns(measured)))
            for name, measured in (("batch runtime", ours), ("Faust table", theirs))
        ],
    )
    write, recover = (
        statistics.median(slow / fast for slow, fast in zip(*columns, strict=True))
        for columns in zip(_columns(theirs), _columns(ours), strict=True)
    )
    result("state", ratio_write=write, ratio_recover=recover)


def _columns(measured: Sequence[_Measured]) -> tuple[list[float], list[float]]:
    return [each.write_s for each in measured], [each.recover_s for each in measured]


if __name__ == "__main__":
    main()
