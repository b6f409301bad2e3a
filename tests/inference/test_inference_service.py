"""The whole inference service on a real broker and registry: models change under load, each window has one verdict."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from andon.errors import ConfigError
from andon.plant import Plant
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.stream.publish import publishing
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.registry import RegistrySite
from services.inference.__main__ import run
from services.inference.settings import InferenceSettings
from tests.models.sample import PLANT, normal, vectors
from tests.registry.desk import model, promote, registry
from tests.stream.bus import TopicReader, at_work, reading, stage_topic

AT_ONCE = 20
PUMPS = ("hall/pump-1", "hall/pump-2")


def settings(kafka: KafkaSettings, cache: Path, site: RegistrySite | None = None, **models: Any) -> InferenceSettings:
    chosen = {"registry": site.client("inference"), "trust": site.trust} if site else {}
    return InferenceSettings.model_validate(
        {
            "kafka": kafka,
            "telemetry": TelemetrySettings(host="127.0.0.1", port=0),
            "inference": {"threads": 1, "bundles": cache.parent / "bundles"},
            "models": {"cache": cache, **chosen, **models},
        }
    )


def windows(batch: int) -> pl.DataFrame:
    """Return the *batch*-th part of the pumps' feature vectors, as the feature service sends them."""
    parts = [vectors(normal(AT_ONCE, seed=batch), asset=asset) for asset in PUMPS]
    shift = batch * AT_ONCE * 10_000_000
    return (
        pl.concat(parts)
        .drop("offset", "traceparent")
        .with_columns(
            pl.col("time", "ingest_time", "start") + shift, asset_class=pl.lit("pump"), samples=10, expected=10
        )
        .with_columns(id=pl.format("{}@{}:feature:x", "asset", "time"))
    )


async def test_models_change_under_load_and_every_window_is_judged_once(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    plant = Plant.model_validate({**PLANT.model_dump(by_alias=True), "site": site})
    await ensure_topics(kafka, plant)
    async with contextlib.AsyncExitStack() as stack:
        desk = await stack.enter_async_context(registry(tmp_path, database))
        await promote(desk, model(0), tmp_path)
        verdicts = await stack.enter_async_context(reading(kafka, stage_topic(plant, Stage.INFERENCE)))
        news = await stack.enter_async_context(reading(kafka, stage_topic(plant, Stage.MODEL)))
        feed = await stack.enter_async_context(publishing(kafka, stage_topic(plant, Stage.FEATURE)))
        chosen, metrics = settings(kafka, tmp_path / "cache", desk), Metrics("inference")
        await stack.enter_async_context(at_work(lambda stop: run(plant, chosen, metrics, stop)))
        await feed.publish(windows(0))
        await verdicts.events(AT_ONCE * len(PUMPS))
        sent = 1
        for number in range(1, 5):
            promoting = asyncio.create_task(promote(desk, model(number), tmp_path))
            while not promoting.done() or not await _loaded(news, number + 1):
                await feed.publish(windows(sent))
                sent += 1
            await promoting
        await feed.publish(windows(sent))
        events = await verdicts.events((sent + 1) * AT_ONCE * len(PUMPS))
        told = [(event["action"], event["version"]) for event in await news.events(9)]
    acting = {event["id"]: event for event in events if event["role"] == "production"}.values()
    judged = Counter((event["asset"], event["time"]) for event in acting)
    assert len(judged) == (sent + 1) * AT_ONCE * len(PUMPS), "none is lost"
    assert set(judged.values()) == {1}, "and none is judged by two"
    versions = {event["model"]["version"] for event in acting}
    assert versions == {model(number).manifest.version for number in range(5)}
    assert {event["model"]["verified"] for event in acting} == {"approver"}
    assert [version for action, version in told if action == "loaded"] == [
        model(number).manifest.version for number in range(5)
    ]
    assert [version for action, version in told if action == "retired"] == [
        model(number).manifest.version for number in range(4)
    ]


async def _loaded(news: TopicReader, count: int) -> bool:
    """Return whether so many models have been loaded, looking for a moment."""
    with contextlib.suppress(TimeoutError):
        await news.until(lambda records: sum(b'"loaded"' in record.value for record in records) >= count, timeout=0.3)
        return True
    return False


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({}, "ANDON_MODELS__TRUST is not set"),
        ({"unsigned": "allow", "registry": {"address": "127.0.0.1:1"}}, "remove __UNSIGNED"),
        ({"trust": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
async def test_the_service_does_not_start_when_it_is_not_said_whom_to_trust(
    kafka: KafkaSettings, site: str, tmp_path: Path, models: dict[str, Any], words: str
) -> None:
    plant = Plant.model_validate({**PLANT.model_dump(by_alias=True), "site": site})
    with pytest.raises(ConfigError, match=words):
        await run(plant, settings(kafka, tmp_path / "cache", **models), Metrics("inference"), asyncio.Event())
