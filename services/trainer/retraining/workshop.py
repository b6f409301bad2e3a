"""From a request that was taken to a candidate in the registry, or to the reason why there is none."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from andon.clock import SECOND, isoformat
from andon.contracts import ModelEvent
from andon.errors import BundleError, RegistryError, SigningError
from andon.models.bundle import MODEL_FILE, read_bundle
from andon.plant import Plant
from andon.registry.acts import publish_bundle
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Signer, Trust
from andon.telemetry import Metrics
from services.trainer.retraining.child import Bounds, ChildError, train
from services.trainer.retraining.material import Told, fetch_champion
from services.trainer.retraining.order import RESULT, JobOrder, JobResult
from services.trainer.retraining.requests import part_of
from services.trainer.settings import ServiceSettings

#: The registry keeps no longer reasons.
_LONGEST_REASON = 2_000
_CHAMPIONS = ".champions"


@dataclass(frozen=True, slots=True)
class Published:
    """A candidate that the registry has: its version, its digest, the windows behind it and the seconds it took."""

    version: str
    digest: str
    windows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Missing:
    """There is too little data so far: so many windows."""

    windows: int
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no candidate: reason code, and why."""

    code: str
    text: str
    windows: int | None = None
    seconds: float | None = None


class Workshop:
    """Trains and publishes.

    Args:
        plant: the plant model.
        settings: how.
        signer: the author of the models.
        trust: whose signatures count on the champion.
        client: the registry.
        metrics: where to count.
    """

    def __init__(
        self,
        plant: Plant,
        settings: ServiceSettings,
        signer: Signer,
        trust: Trust,
        client: RegistryClient,
        metrics: Metrics,
    ) -> None:
        own = settings.trainer
        self._plant_file, self._settings, self._signer, self._trust = settings.plant, own, signer, trust
        self._client, self._told = client, Told(plant, settings.kafka, metrics)
        self._bounds = Bounds(own.limit / SECOND, own.niceness, own.threads)

    async def work(self, request: ModelEvent, assets: tuple[str, ...]) -> Published | Missing | Failed:
        """Train what a request asks for and publish it; a model that a crash kept from its publication is published.

        Args:
            request: that was taken.
            assets: machines to learn from.

        Raises:
            KafkaError: the broker does not answer.
            RegistryError: the registry is away.
            OSError: the folder of `ANDON_TRAINER__WORK` cannot be written to.
        """
        folder, began = self._folder(request), time.monotonic()
        try:
            result = _trained_before(folder) or await self._train(request, assets, folder)
            seconds = time.monotonic() - began
            if result.bundle is None:
                return _without(result, seconds)
            return await self._publish(request, result, seconds)
        except ChildError as error:
            return Failed(error.code, str(error), seconds=time.monotonic() - began)
        except (BundleError, SigningError) as error:
            return Failed("not_published", str(error))
        except RegistryError as error:
            if error.away:
                raise
            return Failed("not_published", f"the registry refuses: {error}")

    def clear(self, request: ModelEvent) -> None:
        """Remove what a request needed, once it is answered."""
        shutil.rmtree(self._folder(request), ignore_errors=True)

    async def _train(self, request: ModelEvent, assets: tuple[str, ...], folder: Path) -> JobResult:
        labelled = await self._told.write(folder)
        champion = await fetch_champion(self._client, request.name, self._trust, self._settings.work / _CHAMPIONS)
        order = JobOrder(
            plant=self._plant_file.resolve(),
            lake=self._settings.lake.resolve(),
            asset_class=request.name,
            assets=assets,
            since=part_of(request).since,
            until=part_of(request).until,
            labelled=labelled,
            champion=None if champion is None else champion.resolve(),
            windows=self._settings.windows,
        )
        return await train(order, folder, self._bounds)

    async def _publish(self, request: ModelEvent, result: JobResult, seconds: float) -> Published | Failed:
        if result.bundle is None:
            raise ValueError("there is nothing to publish")
        bundle = await asyncio.to_thread(read_bundle, result.bundle)
        manifest, reason = bundle.manifest, _reason(request, result)
        await publish_bundle(self._client, result.bundle, self._signer, reason)
        if self._settings.shadow:
            await self._client.assign(manifest.name, pb.ALIAS_SHADOW, manifest.version, reason)
        return Published(manifest.version, manifest.digests[MODEL_FILE], result.windows, seconds)

    def _folder(self, request: ModelEvent) -> Path:
        name = hashlib.sha256(request.id.encode()).hexdigest()[:16]
        return (self._settings.work / f"{request.name}-{name}").resolve()


def _trained_before(folder: Path) -> JobResult | None:
    """Return the result of a training whose model was not published yet: the service ended in between."""
    path = folder / RESULT
    if not path.exists():
        return None
    try:
        result = JobResult.model_validate_json(path.read_bytes())
    except ValidationError:  # of another version of this program
        return None
    return result if result.kind == "trained" else None


def _without(result: JobResult, seconds: float) -> Missing | Failed:
    if result.kind == "too_little_data":
        return Missing(result.windows, result.text)
    return Failed(result.kind, result.text, result.windows, seconds)


def _reason(request: ModelEvent, result: JobResult) -> str:
    asked = part_of(request)
    by = {"drift": f"drift report {asked.evidence}", "schedule": "the schedule", "person": request.actor}[asked.origin]
    text = (
        f"asked for by {by}: {request.reason or 'no reason given'}; trained on {result.windows} windows since "
        f"{isoformat(asked.since)}, {result.text}; request {request.id}"
    )
    return "".join(each if each.isprintable() else " " for each in text)[:_LONGEST_REASON]
