"""One run of the demo, from an empty broker to the report."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from andon.clock import SECOND
from andon.contracts import Alert
from andon.parity import Checker, Parity
from andon.parity.reading import check_since
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import KafkaSettings
from andon.stream.reading import read_to_end
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from sandbox.broker import free_port
from sandbox.chain import DATABASE, STAGES, Chain, running_chain
from sandbox.demo.alerts import follow, spans
from sandbox.demo.evaluation import AlertSpan, evaluate
from sandbox.demo.feed import Feed, fed, present
from sandbox.demo.history import Asked, ask
from sandbox.demo.models import Swapped, judged, swap_all
from sandbox.demo.production import announce, correction, plan
from sandbox.demo.report import Report, measure_speed
from sandbox.demo.scenario import Scenario
from sandbox.demo.screen import Screen, figures
from sandbox.demo.story import Story, traces, walk_back
from sandbox.monitor import Reading, resident_bytes, scrape
from sandbox.promotion import promote_all
from sandbox.registry import RegistrySite, make_registry_site
from sandbox.supervisor import OnFailure
from services.trainer.order import DEFAULT_FALSE_ALARM_RATE

_REFRESH_S = 0.5
#: No verdict for so long, microseconds: the stream has ended.
_SILENCE = 5 * SECOND
#: After the last frame, the chain must come to rest within this time.
_REST_TIMEOUT_S = 120.0
#: A recording may be of long ago; its corrections reach back there all the same.
_FAR = {"ANDON_CONTEXT__HORIZON": "10000d"}
#: The models that take over flag this share of what the first ones may.
_STRICTER = 0.9
#: They take over when this share of the frames is through.
_SWAP_AT = 0.4

#: Trains models into a folder, for a share of normal windows that may be flagged.
Train = Callable[[Path, float], None]


@dataclass(frozen=True, slots=True)
class Models:
    """Folders of the bundles that act first, and of those that take over."""

    first: Path
    second: Path

    def clear(self) -> None:
        """Remove what a demo before has left."""
        for folder in (self.first, self.second):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to run.

    Attributes:
        directory: for recordings, bundles, logs and the report.
        feed: what stands between the machines and ingest.
        seconds: how long the live part should take; decides the speed when `speed` is None.
        speed: recorded seconds per second, or ``max``.
    """

    directory: Path
    feed: Feed
    seconds: float
    speed: str | None = None

    def pace(self, scenario: Scenario) -> str:
        """Return the ingest service's speed setting."""
        return self.speed or f"{max(1.0, scenario.span / SECOND / self.seconds):.3f}"


async def run_demo(scenario: Scenario, options: DemoOptions, train: Train, console: Console) -> Report:
    """Train, stream, judge.

    Args:
        scenario: what to run on.
        options: how to run.
        train: trains the models.
        console: where progress goes.

    Raises:
        AndonError: something that a person must correct, or a service that failed; its message says which.
    """
    plant = load_plant(scenario.plant_file)
    models = Models(options.directory / "bundles", options.directory / "bundles-stricter")
    models.clear()
    # Of a demo before, whose registry's keys and files go, too: its database would name bundles that are no more.
    shutil.rmtree(options.directory / DATABASE, ignore_errors=True)
    began = time.monotonic()
    with console.status("training on the normal part"):
        await asyncio.to_thread(train, models.first, DEFAULT_FALSE_ALARM_RATE)
    trained = time.monotonic() - began
    with console.status("training stricter ones, to take over later"):
        await asyncio.to_thread(train, models.second, _STRICTER * DEFAULT_FALSE_ALARM_RATE)
    console.print(f"trained on the normal part in {trained:.1f} s; bundles in {models.first}")
    log = options.directory / "services.log"
    with log.open("w") as out:

        def say(service: str, line: str) -> None:
            out.write(f"{service:>10} | {line}\n")

        console.print(f"starting broker and services; their logs go to {log}")
        chain_context = running_chain(scenario.plant_file, options.directory, say, on_failure=OnFailure.STOP_ALL)
        async with chain_context as chain:
            return await _stream(scenario, options, plant, chain, models, trained, console)


async def _stream(
    scenario: Scenario,
    options: DemoOptions,
    plant: Plant,
    chain: Chain,
    models: Models,
    trained: float,
    console: Console,
) -> Report:
    scenario = present(scenario, options.feed)
    await ensure_topics(chain.kafka, plant)
    await announce(chain.kafka, plant, plan(scenario, plant))
    site = await asyncio.to_thread(_registry_site, options.directory / "registry")
    await chain.start_registry(site)
    acting = await promote_all(site, models.first, console.print)
    for name in STAGES:
        await chain.start(name, _FAR if name == "context" else None)
    await chain.start("historian", {"ANDON_HISTORIAN__LAKE__DIRECTORY": str((options.directory / "lake").resolve())})
    await chain.start("oee", {"ANDON_OEE__EVERY": "1s"})
    with console.status("waiting until every service has its partitions"):
        await chain.ready(*STAGES, "historian", "oee")
    console.print(f"streaming {scenario.frames:,} frames at {options.pace(scenario)} times true speed")
    changes: list[Alert] = []
    with Screen(console, scenario.frames) as screen:

        def tell(alert: Alert) -> None:
            changes.append(alert)
            screen.alert(alert)

        following = asyncio.create_task(follow(chain.kafka, topic_name(plant, Stage.ALERT), tell))
        try:
            pace = options.pace(scenario)
            async with fed(scenario, options.feed, pace, chain, options.directory) as played:
                swapping = asyncio.create_task(_swap(site, models, acting, chain, scenario.frames, screen.say))
                readings = await _until_rest(chain, played, screen)
                await _all_alerts_told(readings, changes)
                swapped = await swapping
        finally:
            following.cancel()
    with console.status("computing all feature vectors again"):
        checked = await check_since(chain.kafka, plant, Checker(plant), chain.kafka.partitions)
    with console.status("correcting a batch, and asking the historian"):
        asked = await _afterwards(scenario, plant, chain)
    records = await _inferences(chain.kafka, topic_name(plant, Stage.INFERENCE))
    verdicts = [_Verdict(event["ingest_time"], sent) for event, sent in records]
    report = _report(scenario, plant, readings, changes, verdicts, trained)
    parity, events = sum(checked.values(), Parity()), [event for event, _ in records]
    story = await _story(scenario, plant, chain, site, report, spans(changes), events)
    return replace(report, asked=asked, swapped=swapped, judged=judged(events), parity=parity, story=story)


async def _story(
    scenario: Scenario,
    plant: Plant,
    chain: Chain,
    site: RegistrySite,
    report: Report,
    alerts: Sequence[AlertSpan],
    verdicts: Sequence[dict[str, Any]],
) -> Story:
    """Return what the page tells; the alert that is walked back is the first that was right, or else the first."""
    right = [alert for _, alert, _ in report.outcome.found]
    chosen = next(iter([*right, *alerts]), None)
    walk = None if chosen is None else (chosen.name, await walk_back(chain.kafka, plant, site, chosen.name))
    families = {name: asset_class.model.family for name, asset_class in plant.classes.items()}
    return Story(scenario.events, alerts, traces(verdicts), families, walk)


def _registry_site(folder: Path) -> RegistrySite:
    shutil.rmtree(folder, ignore_errors=True)  # of a demo before: its keys are of no use any more
    return make_registry_site(folder, free_port())


async def _swap(
    site: RegistrySite,
    models: Models,
    acting: list[pb.Assignment],
    chain: Chain,
    frames: int,
    say: Callable[[str], None],
) -> list[Swapped]:
    """Let the stricter models take over once a part of the frames is through."""
    read = 0.0
    while read < _SWAP_AT * frames:
        await asyncio.sleep(_REFRESH_S)
        read = (await scrape({"context": chain.ports["context"]}))["context"].total("andon_records_read_total")
    return await swap_all(site, models.second, acting, chain.ports["inference"], say)


async def _afterwards(scenario: Scenario, plant: Plant, chain: Chain) -> Asked:
    """Let MES correct a batch, wait until its frames have been sent again, and ask the historian for everything."""
    await announce(chain.kafka, plant, [correction(scenario, plant)])
    frames = corrected = 0
    deadline = time.monotonic() + _REST_TIMEOUT_S
    while not corrected and time.monotonic() < deadline:
        await asyncio.sleep(_REFRESH_S)
        context = (await scrape({"context": chain.ports["context"]}))["context"]
        corrected = int(context.total("andon_corrected_frames_total"))
        frames = int(context.total("andon_records_sent_total", stage="context")) - corrected
    return await ask(chain.dsn, frames, corrected)


async def _until_rest(chain: Chain, played: asyncio.Task[None], screen: Screen) -> dict[str, Reading]:
    """Return the last readings, once every frame has been played and has gone through every stage."""
    readings: dict[str, Reading] = {}
    source_reading = Reading()
    deadline = float("inf")
    while True:
        before, at = readings, time.monotonic()
        await asyncio.sleep(_REFRESH_S)
        readings = await scrape(chain.ports)
        source_reading = readings["ingest"] if readings["ingest"].samples else source_reading
        readings["ingest"] = source_reading
        broker = resident_bytes(chain.broker.pid) if chain.broker else None
        screen.update(figures(readings, before, time.monotonic() - at), broker, time.monotonic())
        if played.done():
            played.result()
            deadline = min(deadline, time.monotonic() + _REST_TIMEOUT_S)
            if at_rest(readings) or time.monotonic() > deadline:
                return readings


def at_rest(readings: dict[str, Reading]) -> bool:
    """Return whether every stage has read all that the stage before it sent, and holds no open window."""
    for service, before in zip(STAGES, ("ingest", *STAGES), strict=False):
        reading = readings[service]
        stage = {"ingest": "raw"}.get(before, before)
        sent = readings[before].total("andon_records_sent_total", stage=stage)
        read = reading.total("andon_records_read_total") - reading.total("andon_records_replayed_total")
        held = reading.total("andon_held_records")
        if read < sent or (held and service == "feature"):
            return False
    return True


async def _all_alerts_told(readings: dict[str, Reading], changes: Sequence[Alert]) -> None:
    expected = readings["alert"].total("andon_records_sent_total", stage="alert")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while len(changes) < expected:  # noqa: ASYNC110 - the broker is asked for what is new
                await asyncio.sleep(_REFRESH_S)


@dataclass(frozen=True, slots=True)
class _Verdict:
    ingested: int
    sent: int


async def _inferences(settings: KafkaSettings, topic: str) -> list[tuple[dict[str, Any], int]]:
    """Return every inference of the run, and when it was sent (microseconds)."""
    return [
        (orjson.loads(record.value), record.timestamp * 1_000)
        async for record in read_to_end(settings, topic, range(settings.partitions))
    ]


def streaming_seconds(verdicts: Sequence[tuple[int, int]]) -> float:
    """Return how long data streamed, from (ingested, sent) of each verdict, microseconds.

    Each asset's last window waits on the wall clock for data that does not come; that silence is not counted.
    """
    if not verdicts:
        return 0.0
    sent = sorted(moment for _, moment in verdicts)
    end = next((a for a, b in pairwise(sent) if b - a > _SILENCE), sent[-1])
    return (end - min(moment for moment, _ in verdicts)) / SECOND


def _report(
    scenario: Scenario,
    plant: Plant,
    readings: dict[str, Reading],
    changes: Sequence[Alert],
    verdicts: Sequence[_Verdict],
    trained: float,
) -> Report:
    grace = max(asset_class.features.window for asset_class in plant.classes.values())
    latencies = [max(0, v.sent - v.ingested) / 1_000 for v in verdicts]
    seconds = streaming_seconds([(v.ingested, v.sent) for v in verdicts])
    letters: dict[str, int] = {}
    for reading in readings.values():
        for reason, amount in reading.by("andon_deadletters_total", "reason").items():
            if amount:
                letters[reason] = letters.get(reason, 0) + int(amount)
    return Report(
        title=scenario.title,
        outcome=evaluate(scenario.events, spans(changes), scenario.spans, grace=grace),
        speed=measure_speed(readings, scenario.frames, seconds, latencies),
        training_seconds=trained,
        dead_letters=letters,
    )
