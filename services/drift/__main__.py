"""Run the drift service: ``python -m services.drift``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.serving.lineup import Lineup
from andon.serving.source import ModelSource
from andon.stream.topics import ensure_topics
from andon.stream.worker import Worker
from andon.telemetry import Metrics, get_logger
from services.drift.abstention import Abstention
from services.drift.processor import Watches, drift_stage
from services.drift.settings import DriftSettings
from services.drift.watch import Abstaining, Watch

_log = get_logger(__name__)


async def run(plant: Plant, settings: DriftSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Watch machines until *stop* is set, against the references of the models that act."""
    watches = Watches(plant)

    def prepare(asset_class: str, lineup: Lineup) -> Callable[[], None]:
        watch = _watch(plant, asset_class, lineup)
        return lambda: _install(plant, watches, asset_class, watch, metrics)

    models = ModelSource(plant, settings.models, settings.drift, prepare, metrics, aliases=("production",))
    worker = Worker(drift_stage(plant, settings.drift, watches), plant, settings, metrics=metrics)
    await ensure_topics(settings.kafka, plant)
    async with collected_by_the_clock(), models.kept():
        await worker.run(stop)


def _watch(plant: Plant, asset_class: str, lineup: Lineup) -> Watch | Abstaining:
    """Return what a class is to be watched with; in a thread, as it takes seconds."""
    if lineup.production is None:
        return Abstaining(None, f"{Abstention.NO_MODEL}: no model of class {asset_class} acts")
    return Watch.of(lineup.production, plant.classes[asset_class])


def _install(plant: Plant, watches: Watches, name: str, watch: Watch | Abstaining, metrics: Metrics) -> None:
    watches.swap(name, watch)
    machines = sum(asset.asset_class == name for asset in plant.assets.values())
    if isinstance(watch, Abstaining):
        _log.warning("not watched for drift", asset_class=name, reason=watch.reason)
        metrics.set("andon_drift_promised_alarms", 0, asset_class=name)
        return
    promised = plant.classes[name].drift.false_alarms_per_30_days * machines
    metrics.set("andon_drift_promised_alarms", promised, asset_class=name)
    if watch.proof.achieved is not None:
        metrics.set("andon_drift_achieved_alarms", watch.proof.achieved * machines, asset_class=name)
    for detector, subject in sorted(watch.proof.failed):
        _log.info("not used: it found what was not there", asset_class=name, detector=detector, subject=subject)
    for refusal in watch.calibration.refusals:
        _log.info("not watched", asset_class=name, asset=refusal.asset, subject=refusal.subject, reason=refusal.text)
    _log.info("watched for drift", asset_class=name, version=watch.model.version, reference=watch.period)


if __name__ == "__main__":
    run_service("drift", DriftSettings, run)
