"""Where a service's models come from: the registry, or a folder; the same rules for every service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

from andon.clock import SECOND
from andon.errors import ConfigError
from andon.plant import Plant
from andon.registry.settings import ModelSettings
from andon.serving.assigned import SERVED
from andon.serving.follower import Follower, Prepare
from andon.serving.lineup import Lineup
from andon.serving.loading import load_bundles
from andon.serving.news import ModelNews
from andon.serving.settings import ServingSettings
from andon.serving.trial import Trials
from andon.signing import Trust
from andon.telemetry import Metrics, get_logger

_log = get_logger(__name__)


class ModelSource:
    """Keeps a service's models what the registry or the folder says, as far as signatures allow.

    Args:
        plant: the plant model; its classes name their models.
        models: where the registry is and whom to trust.
        serving: where the folder is, and how models are tried out.
        prepare: called in a thread with a class and its models; what it returns puts them to work, in the event loop.
        metrics: where to count.
        news: told of what is loaded and refused; None tells nobody.
        aliases: what of the registry is loaded.
    """

    def __init__(
        self,
        plant: Plant,
        models: ModelSettings,
        serving: ServingSettings,
        prepare: Prepare,
        metrics: Metrics,
        *,
        news: ModelNews | None = None,
        aliases: Collection[str] = SERVED,
    ) -> None:
        self._plant, self._models, self._serving = plant, models, serving
        self._prepare, self._metrics, self._news, self._aliases = prepare, metrics, news, aliases

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Load models, and follow the registry if there is one, for the length of an `async with` block.

        Raises:
            ConfigError: it is not said where models come from, or whom to trust.
        """
        trust = self._trust()
        if self._models.registry.address is None:
            await asyncio.to_thread(self._load_folder, trust)
            yield
        elif trust is None:
            raise ConfigError("models of the registry are signed: set ANDON_MODELS__TRUST, and remove __UNSIGNED")
        else:
            async with self._followed(trust):
                yield

    @contextlib.asynccontextmanager
    async def _followed(self, trust: Trust) -> AsyncIterator[None]:
        trials = Trials(self._serving.trial_memory_mib)
        follower = Follower(
            self._plant, self._models, trust, trials, self._prepare, self._news, self._metrics, self._aliases
        )
        await follower.remember()
        async with asyncio.TaskGroup() as tasks:  # if following fails for good, so does the service
            background = [tasks.create_task(follower.follow())]
            if self._news:
                background.append(tasks.create_task(self._news.publish()))
            if not await follower.heard(self._serving.patience / SECOND):
                _log.warning("the registry has not told of all models; going on with what is there")
            yield
            for task in background:
                task.cancel()

    def _trust(self) -> Trust | None:
        if self._models.unsigned == "allow":
            _log.warning("UNSIGNED models are loaded, for development only")
            return None
        if self._models.trust is None:
            raise ConfigError(
                "ANDON_MODELS__TRUST is not set: name the file that says whose signatures count "
                "(for development, ANDON_MODELS__UNSIGNED=allow loads a folder of unsigned bundles)"
            )
        return Trust.load(self._models.trust)

    def _load_folder(self, trust: Trust | None) -> None:
        loaded = load_bundles(self._serving.bundles, self._plant.classes, trust)
        for refused in loaded.refused:
            _log.error("model refused", path=str(refused.path), asset_class=refused.asset_class, reason=refused.reason)
            self._metrics.count("andon_models_refused_total", asset_class=refused.asset_class)
        for asset_class, bundle in loaded.bundles.items():
            ref = bundle.ref
            model = {"model": ref.name, "version": ref.version, "digest": ref.digest, "verified": ref.verified}
            self._prepare(asset_class, Lineup(bundle))()
            self._metrics.set("andon_model_info", 1, asset_class=asset_class, role="production", **model)
            _log.info("model loaded", asset_class=asset_class, **model)
