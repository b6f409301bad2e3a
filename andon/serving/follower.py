"""Follows the registry: a new model is fetched, verified, tried and built beside the one that serves, then swapped in.

Whatever goes wrong on that way leaves the old model serving, and is an event and a metric. With the registry away, what
served last serves again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from andon.errors import BundleError, RegistryError
from andon.garbage import give_back
from andon.plant import Plant
from andon.registry.alias import alias_name
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient, connected
from andon.registry.settings import ModelSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.serving.assigned import SERVED, Assigned, Memory, Models, lineup, served
from andon.serving.lineup import Lineup
from andon.serving.news import ModelNews
from andon.serving.trial import Trials
from andon.serving.trusted import ACTING, Known, Trusted, check_order, verify
from andon.signing import Trust
from andon.telemetry import Metrics, get_logger

_log = get_logger(__name__)
_RETRY_S = 1.0
P = ParamSpec("P")
T = TypeVar("T")

#: Builds and warms up the judge of a class (in a thread), and returns what puts it to work (on the event loop).
Prepare = Callable[[str, Lineup], Callable[[], None]]


@dataclass
class _Post:
    """What is known of one asset class."""

    asset_class: str
    memory: Memory
    models: dict[str, Assigned] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Follower:
    """Keeps the models of all classes what the registry says and the signatures allow.

    Args:
        plant: the plant model; its classes name their models.
        settings: where the registry and the cache are.
        trust: whose signatures count.
        trials: tries models out before they may serve.
        prepare: builds judges.
        news: told of every change; None tells nobody.
        metrics: where to count.
        aliases: what of the registry is loaded.
    """

    def __init__(
        self,
        plant: Plant,
        settings: ModelSettings,
        trust: Trust,
        trials: Trials,
        prepare: Prepare,
        news: ModelNews | None,
        metrics: Metrics,
        aliases: Collection[str] = SERVED,
    ) -> None:
        self._settings, self._trust, self._prepare = settings, trust, prepare
        self._news, self._metrics, self._aliases = news, metrics, aliases
        self._cache, self._trials = BundleCache(settings.cache), trials
        self._posts = {name: _Post(name, Memory(settings.cache, name)) for name in plant.classes}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._heard: set[str] = set()
        self._complete = asyncio.Event()

    async def remember(self) -> None:
        """Serve what served last, without the registry.

        Raises:
            ConfigError: the memory of what was approved last is damaged.
        """
        for name, post in self._posts.items():
            post.known = post.memory.known()
            await self.take(name, post.memory.assignments(), None)

    async def heard(self, patience_s: float) -> bool:
        """Return once the registry has told of every model, or False when *patience_s* is over."""
        try:
            await asyncio.wait_for(self._complete.wait(), patience_s)
        except TimeoutError:
            return False
        return True

    async def follow(self) -> None:
        """Take what the registry tells, until cancelled."""
        while True:
            try:
                async with connected(self._settings.registry) as client:
                    async for told in client.watch(list(self._posts)):
                        self._metrics.set("andon_registry_connected", 1)
                        await self.take(told.name, list(told.assignments), client)
                        self._note_heard(told.name)
            except RegistryError as error:
                _log.warning("the registry is away, the models that are loaded go on", error=str(error))
            self._metrics.set("andon_registry_connected", 0)
            await asyncio.sleep(_RETRY_S)

    def _note_heard(self, name: str) -> None:
        self._heard.add(name)
        if self._heard >= self._posts.keys():
            self._complete.set()

    async def take(self, name: str, assignments: list[pb.Assignment], client: RegistryClient | None) -> None:
        """Bring a class's models to what *assignments* say, as far as they may be loaded."""
        began, post = time.monotonic(), self._posts.get(name)
        if post is None:
            return
        wanted, known = served(assignments, self._aliases), dict(post.known)
        models = {alias: model for alias, model in post.models.items() if alias in wanted or alias == "production"}
        for alias, assignment in wanted.items():
            try:
                models[alias] = await self._admit(post, alias, assignment, known, client)
            except RegistryError as error:
                if client:
                    raise  # to connect anew: it tells everything again then
                self._refuse(post, assignment, str(error))
            except (BundleError, OSError) as error:
                self._refuse(post, assignment, str(error))
        if models != post.models:
            await self._change(post, models, known)
            await self._aside(give_back)
            self._metrics.observe("andon_model_swap_seconds", time.monotonic() - began, asset_class=post.asset_class)

    async def _change(self, post: _Post, models: dict[str, Assigned], known: dict[str, Known]) -> None:
        install = await self._aside(self._prepare, post.asset_class, lineup(models))
        await self._aside(post.memory.keep, models, known)
        install()
        before, post.models, post.known = post.models, models, known
        self._tell(post, before)
        self._cache.keep_only(model.folder for each in self._posts.values() for model in each.models.values())

    async def _admit(
        self,
        post: _Post,
        alias: str,
        assignment: pb.Assignment,
        known: dict[str, Known],
        client: RegistryClient | None,
    ) -> Assigned:
        """Return a model that may be loaded, and note in *known* that it acts."""
        present = post.models.get(alias)
        if present and present.assignment == assignment:
            return present
        folder = await self._cache.bring(assignment.model, client)
        try:
            trusted = await self._checked(folder, assignment, post)
        except BundleError:
            self._cache.forget(folder)  # it may be the disk that damaged it
            if client is None:
                raise
            trusted = await self._checked(await self._cache.bring(assignment.model, client), assignment, post)
        if alias in ACTING:
            known[alias] = check_order(trusted, assignment.serial, known.get(alias, Known()))
        return Assigned(assignment, trusted, folder)

    async def _checked(self, folder: Path, assignment: pb.Assignment, post: _Post) -> Trusted:
        """Verify a bundle and try it out, in a thread: the batches that are at work go on."""
        return await self._aside(self._check, folder, assignment, post.asset_class)

    async def _aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do heavy work in the one thread for it, which gets its memory from one place and returns it there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))

    def _check(self, folder: Path, assignment: pb.Assignment, asset_class: str) -> Trusted:
        trusted = verify(folder, assignment, asset_class, self._trust)
        self._trials.try_out(trusted.bundle)
        return trusted

    def _refuse(self, post: _Post, assignment: pb.Assignment, reason: str) -> None:
        """Say once why a model is not loaded."""
        model, alias = assignment.model, alias_name(assignment.alias)
        if post.refused.get(alias) == f"{model.version} {reason}":
            return
        post.refused[alias] = f"{model.version} {reason}"
        self._metrics.count("andon_models_refused_total", asset_class=post.asset_class)
        _log.error("model refused", model=model.name, version=model.version, alias=alias, reason=reason)
        if self._news:
            self._news.tell(
                "refused", name=model.name, version=model.version, digest=model.digest, alias=alias, reason=reason
            )

    def _tell(self, post: _Post, before: Models) -> None:
        """Show what is loaded now and what no longer is."""
        for alias, model in before.items():
            if post.models.get(alias) != model:
                self._metrics.forget("andon_model_info", **_labels(post, alias, model))
        for alias, model in post.models.items():
            if before.get(alias) == model:
                continue
            post.refused.pop(alias, None)
            labels = _labels(post, alias, model)
            self._metrics.set("andon_model_info", 1, **labels)
            _log.info("model loaded", **labels)
            self._say("loaded", alias, model)
        if before:
            self._metrics.count("andon_models_swapped_total", asset_class=post.asset_class)
        kept = {model.trusted.bundle.manifest.version for model in post.models.values()}
        for alias, model in before.items():
            if model.trusted.bundle.manifest.version not in kept:
                self._say("retired", alias, model)

    def _say(self, action: str, alias: str, model: Assigned) -> None:
        if self._news:
            ref = model.trusted.bundle.ref
            self._news.tell(action, name=ref.name, version=ref.version, digest=ref.digest, alias=alias)


def _labels(post: _Post, alias: str, model: Assigned) -> dict[str, str]:
    ref = model.trusted.bundle.ref
    about = {"model": ref.name, "version": ref.version, "digest": ref.digest, "verified": ref.verified}
    return {"asset_class": post.asset_class, "role": alias, **about}
