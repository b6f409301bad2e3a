"""The batch runtime against a real broker."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import polars as pl

from andon.contracts import DeadLetter
from andon.settings import KafkaSettings
from andon.stream import Emit, Result, StageSpec
from andon.stream.deadletters import original_value
from andon.stream.publish import partition_of
from andon.stream.topics import changelog_name
from andon.uns import Stage

from .bus import (
    PassThrough,
    frame,
    line,
    one_to_one,
    pass_through,
    plant,
    reading,
    send,
    settings,
    site_ready,
    stage_topic,
    working,
)


async def test_every_frame_arrives_once_in_order_in_its_own_partition(kafka: KafkaSettings, site: str) -> None:
    model = plant(site)
    await site_ready(kafka, model)
    sent = [frame(f"line/pump-{i % 8}", i) for i in range(4_000)]
    await send(kafka, stage_topic(model, Stage.RAW), map(line, sent))
    async with (
        working(pass_through(), model, settings(kafka)),
        reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
    ):
        events = await out.events(len(sent))
    assert len(events) == len(sent)
    for asset in model.assets:
        assert [e["sequence"] for e in events if e["asset"] == asset] == [
            f["sequence"] for f in sent if f["asset"] == asset
        ]
    assert all(r.partition == partition_of(r.key, kafka.partitions) for r in out.records)


async def test_headers_carry_contract_trace_and_lineage(kafka: KafkaSettings, site: str) -> None:
    model = plant(site)
    await site_ready(kafka, model)
    raw = stage_topic(model, Stage.RAW)
    await send(kafka, raw, [line(frame("line/pump-1", 0))])
    async with (
        working(pass_through(), model, settings(kafka)),
        reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
    ):
        await out.events(1)
    headers = dict(out.records[0].headers)
    partition = partition_of(b"line/pump-1", kafka.partitions)
    assert headers["andon-contract"] == b"1"
    assert headers["andon-lineage"] == f"{raw}/{partition}@0-0".encode()
    assert headers["traceparent"].startswith(b"00-aaaa")


async def test_bad_records_become_dead_letters_with_a_reason_and_good_ones_around_them_arrive(
    kafka: KafkaSettings, site: str
) -> None:
    model = plant(site)
    await site_ready(kafka, model)
    asset = "line/pump-1"
    bad: dict[str, Any] = {
        "not_json": line(b"{broken", asset),
        "schema": line(frame(asset, 1, values={"flow": "fast"})),
        "unknown_asset": line(frame("line/pump-99", 2)),
        "key_mismatch": line(frame("line/pump-2", 3), asset),
    }
    nan = line(orjson.dumps(frame(asset, 4)).replace(b'"flow":4.0', b'"flow":NaN'), asset)
    missing_time = line({k: v for k, v in frame(asset, 5).items() if k != "time"})
    huge = line(frame(asset, 6, session="x" * 800_000, time=-1))
    empty, tombstone = line(b"", asset), line(b"null", asset)
    good = [line(frame(asset, i)) for i in range(10, 20)]
    poison = [*bad.values(), nan, missing_time, huge, empty, tombstone]
    mixed = [each for pair in zip(good, poison, strict=False) for each in pair] + good[len(poison) :]
    await send(kafka, stage_topic(model, Stage.RAW), mixed)
    async with (
        working(pass_through(), model, settings(kafka)) as worker,
        reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
        reading(kafka, stage_topic(model, Stage.DEADLETTER)) as dead,
    ):
        events = await out.events(len(good))
        letters = [DeadLetter.model_validate(letter) for letter in await dead.events(len(poison))]
    assert {e["sequence"] for e in events} == set(range(10, 20))
    by_original = {original_value(letter): letter for letter in letters}
    for reason, poisoned in bad.items():
        letter = by_original[poisoned.value]
        assert letter.reason == reason
        assert base64.b64decode(letter.key or "") == poisoned.key
        assert set(letter.headers) == {"andon-contract", "traceparent"}
    assert by_original[nan.value].reason == "not_json"
    assert "time" in by_original[missing_time.value].detail
    assert by_original[huge.value].reason == "schema"
    assert by_original[b""].reason == "not_json"
    assert worker.metrics.registry.get_sample_value(
        "andon_deadletters_total", {"service": "pass", "stage": "raw", "reason": "not_json"}
    ) == sum(letter.reason == "not_json" for letter in letters)


class Totals(PassThrough):
    """Keeps the number of frames per asset as state and emits it as the sequence."""

    def __init__(self, state: dict[str, int]) -> None:
        self.counts = dict(state)

    def process(self, _: str, rows: pl.DataFrame, __: int) -> Result:
        before = rows["asset"].replace_strict(self.counts, default=0, return_dtype=pl.Int64)
        rows = rows.with_columns(sequence=before + pl.int_range(1, pl.len() + 1).over("asset"))
        touched = dict(rows.group_by("asset").agg(pl.col("sequence").max()).iter_rows())
        self.counts |= touched
        return Result(emits=(Emit(Stage.CONTEXT, one_to_one(rows)),), state=touched)


async def test_a_second_worker_goes_on_where_the_first_stopped_with_its_state(kafka: KafkaSettings, site: str) -> None:
    model = plant(site, assets=2)
    spec = StageSpec("totals", Stage.RAW, (Stage.CONTEXT,), lambda state, _: Totals(dict(state)), stateful=True)
    await site_ready(kafka, model, [changelog_name(model, "totals")])
    raw = stage_topic(model, Stage.RAW)
    for part in (range(50), range(50, 100)):
        await send(kafka, raw, [line(frame(f"line/pump-{i % 2}", i)) for i in part])
        async with (
            working(spec, model, settings(kafka)),
            reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
        ):
            events = await out.events(part.stop)
    assert len(events) == 100
    for asset in model.assets:
        assert [e["sequence"] for e in events if e["asset"] == asset] == list(range(1, 51))
