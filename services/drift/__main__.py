"""Run the drift service: ``python -m services.drift``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from andon.clock import SECOND
from andon.contracts import Feedback
from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.serving.lineup import Lineup
from andon.serving.source import ModelSource
from andon.stream.follow import Told, followed
from andon.stream.topics import ensure_topics, topic_name
from andon.stream.worker import Worker
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.drift.abstention import Abstention
from services.drift.opinions import Opinions
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
    opinions = Opinions()
    worker = Worker(drift_stage(plant, settings.drift, watches, opinions), plant, settings, metrics=metrics)
    await ensure_topics(settings.kafka, plant)
    async with collected_by_the_clock(), models.kept(), _heard(plant, settings, metrics, opinions, stop):
        await worker.run(stop)


@contextlib.asynccontextmanager
async def _heard(
    plant: Plant, settings: DriftSettings, metrics: Metrics, opinions: Opinions, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Hear what people say of alerts for the length of an `async with` block; *stop* is set if that breaks."""
    current = asyncio.Event()

    def take(told: Told[Feedback]) -> None:
        if told.event is None:
            # It is set aside by the historian, which reads each record once; here it would be at every start.
            metrics.count("andon_feedback_faults_total")
            _log.warning("feedback cannot be used", offset=told.record.offset, fault=told.fault)
        else:
            opinions.take(told.event)

    def note(is_current: bool) -> None:
        if is_current:
            current.set()

    topic = topic_name(plant, Stage.FEEDBACK)
    async with followed(settings.kafka, topic, Feedback, take, stop, note):
        with contextlib.suppress(TimeoutError):  # verdicts that come later are heard later
            await asyncio.wait_for(current.wait(), settings.drift.patience / SECOND)
        yield


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
    if watch.kept is not None:
        metrics.set("andon_drift_achieved_alarms", watch.kept * promised, asset_class=name)
    for detector, subject in sorted(watch.proof.failed):
        _log.info("not used: it found what was not there", asset_class=name, detector=detector, subject=subject)
    for refusal in watch.calibration.refusals:
        _log.info("not watched", asset_class=name, asset=refusal.asset, subject=refusal.subject, reason=refusal.text)
    _log.info("watched for drift", asset_class=name, version=watch.model.version, reference=watch.period)


if __name__ == "__main__":
    run_service("drift", DriftSettings, run)
