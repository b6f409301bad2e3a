"""Run the inference service: ``python -m services.inference``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.serving.lineup import Lineup
from andon.serving.news import ModelNews
from andon.serving.source import ModelSource
from andon.stream.topics import ensure_topics
from andon.stream.worker import Worker
from andon.telemetry import Metrics
from services.inference.processor import InferenceProcessor, judge_of, stage_of
from services.inference.settings import InferenceSettings


async def run(plant: Plant, settings: InferenceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Judge windows until *stop* is set, with the models of the registry or of a folder."""
    processor = InferenceProcessor.of(plant, {}, settings)

    def prepare(asset_class: str, lineup: Lineup) -> Callable[[], None]:
        judge = judge_of(plant, asset_class, lineup, settings)
        return lambda: processor.swap(asset_class, judge)

    news = ModelNews(plant, settings.kafka, "inference")
    models = ModelSource(plant, settings.models, settings.inference, prepare, metrics, news=news)
    worker = Worker(stage_of(processor), plant, settings, metrics=metrics)
    await ensure_topics(settings.kafka, plant)
    async with collected_by_the_clock(), models.kept():
        await worker.run(stop)


if __name__ == "__main__":
    run_service("inference", InferenceSettings, run)
