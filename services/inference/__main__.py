"""Run the inference service: ``python -m services.inference``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from andon.clock import SECOND
from andon.errors import ConfigError
from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.signing import Trust
from andon.stream.topics import ensure_topics
from andon.stream.worker import Worker
from andon.telemetry import Metrics, get_logger
from services.inference.follower import Follower
from services.inference.lineup import Lineup
from services.inference.loading import load_bundles
from services.inference.news import ModelNews
from services.inference.processor import InferenceProcessor, judge_of, stage_of
from services.inference.settings import InferenceSettings
from services.inference.shown import begin, show
from services.inference.trial import Trials

_log = get_logger(__name__)


async def run(plant: Plant, settings: InferenceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Judge windows until *stop* is set, with the models of the registry or of a folder."""
    models = Models(plant, settings, metrics)
    worker = Worker(stage_of(models.processor), plant, settings, metrics=metrics)
    await ensure_topics(settings.kafka, plant)
    async with collected_by_the_clock(), models.kept():
        await worker.run(stop)


class Models:
    """The processor, and what keeps its models what they should be."""

    def __init__(self, plant: Plant, settings: InferenceSettings, metrics: Metrics) -> None:
        self._plant, self._settings, self._metrics = plant, settings, metrics
        for asset_class in plant.classes:
            begin(metrics, asset_class)
        self.processor = InferenceProcessor.of(plant, {}, settings)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Load models, and follow the registry if there is one, for the length of an `async with` block.

        Raises:
            ConfigError: it is not said where models come from, or whom to trust.
        """
        trust = self._trust()
        if self._settings.models.registry.address is None:
            self._load_folder(trust)
            yield
        elif trust is None:
            raise ConfigError("models of the registry are signed: set ANDON_MODELS__TRUST, and remove __UNSIGNED")
        else:
            async with self._followed(trust):
                yield

    @contextlib.asynccontextmanager
    async def _followed(self, trust: Trust) -> AsyncIterator[None]:
        own = self._settings.inference
        news = ModelNews(self._plant, self._settings.kafka)
        trials = Trials(own.trial_memory_mib)
        follower = Follower(self._plant, self._settings.models, trust, trials, self._prepare, news, self._metrics)
        await follower.remember()
        async with asyncio.TaskGroup() as tasks:  # if following fails for good, so does the service
            background = [tasks.create_task(follower.follow()), tasks.create_task(news.publish())]
            if not await follower.heard(own.patience / SECOND):
                _log.warning("the registry has not told of all models; judging with what is there")
            yield
            for task in background:
                task.cancel()

    def _trust(self) -> Trust | None:
        models = self._settings.models
        if models.unsigned == "allow":
            _log.warning("UNSIGNED models are loaded, for development only")
            return None
        if models.trust is None:
            raise ConfigError(
                "ANDON_MODELS__TRUST is not set: name the file that says whose signatures count "
                "(for development, ANDON_MODELS__UNSIGNED=allow loads a folder of unsigned bundles)"
            )
        return Trust.load(models.trust)

    def _load_folder(self, trust: Trust | None) -> None:
        loaded = load_bundles(self._settings.inference.bundles, self._plant.classes, trust)
        for refused in loaded.refused:
            _log.error("model refused", path=str(refused.path), asset_class=refused.asset_class, reason=refused.reason)
            self._metrics.count("andon_models_refused_total", asset_class=refused.asset_class)
        for asset_class, bundle in loaded.bundles.items():
            self._prepare(asset_class, Lineup(bundle))()
            _log.info("model loaded", **show(self._metrics, asset_class, "production", bundle))

    def _prepare(self, asset_class: str, lineup: Lineup) -> Callable[[], None]:
        judge = judge_of(self._plant, asset_class, lineup, self._settings)
        return lambda: self.processor.swap(asset_class, judge)


if __name__ == "__main__":
    run_service("inference", InferenceSettings, run)
