"""One run of `andon demo --drift`: changes come, a model is asked for, made, tried, approved, and alarms stop."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from andon.clock import SECOND, wall_clock
from andon.contracts import ModelEvent
from andon.errors import AndonError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.registry.acts import approve_request
from andon.registry.client import connected
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Trust
from andon.stream.topics import ensure_topics
from sandbox.broker import free_port
from sandbox.chain import STAGES, Chain, running_chain
from sandbox.demo.drifting.checks import Check, checks
from sandbox.demo.drifting.feed import tell
from sandbox.demo.drifting.scenario import WORN, Play
from sandbox.demo.drifting.watching import Verdicts, Watching, verdicts, watching
from sandbox.demo.production import announce
from sandbox.monitor import Reading, scrape
from sandbox.promotion import promote_all
from sandbox.registry import RegistrySite, make_registry_site
from sandbox.supervisor import OnFailure
from services.trainer.datasets.build import Source, build_dataset
from services.trainer.datasets.train import train_dataset

_WHOLE = 1_000
_POLL_S = 0.3
_PATIENCE_S = 60.0
#: The last windows of an act wait for data that does not come; verdicts up to here are enough.
_NEARLY = 120 * SECOND
_ENVIRONMENT = {
    "historian": {"ANDON_HISTORIAN__LAKE__GRACE": "0s", "ANDON_HISTORIAN__LAKE__IDLE": "1s"},
    "trainer": {
        "ANDON_TRAINER__SHADOW": "true",
        "ANDON_TRAINER__LOOK_EVERY": "1s",
        "ANDON_TRAINER__WINDOWS": "1000",
        "ANDON_TRAINER__SETTLING": "8min",
    },
}


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the play is played."""

    play: Play
    plant: Plant
    chain: Chain
    site: RegistrySite
    speed: float
    seen: Watching


async def run_play(play: Play, directory: Path, seconds: float, console: Console) -> list[Check]:
    """Play it, and return what was to be and what was.

    Args:
        play: what is played.
        directory: for bundles, logs and the lake.
        seconds: how long the machines should run.
        console: where progress goes.

    Raises:
        AndonError: something did not happen in time, or a service failed; its message says which.
    """
    plant, bundles = load_plant(play.plant_file), directory / "bundles"
    for left in ("lake", "registry"):  # by a run before
        shutil.rmtree(directory / left, ignore_errors=True)
    with console.status("training on normal operation"):
        await asyncio.to_thread(_train, play, plant, bundles)
    log = directory / "services.log"
    with log.open("w") as out:

        def say(service: str, line: str) -> None:
            out.write(f"{service:>10} | {line}\n")

        console.print(f"starting broker and services; their logs go to {log}")
        async with running_chain(play.plant_file, directory, say, on_failure=OnFailure.STOP_ALL) as chain:
            await ensure_topics(chain.kafka, plant)
            site = await _started(chain, play, plant, directory, bundles, console.print)
            async with watching(chain.kafka, plant, lambda line: console.print(line, markup=False)) as seen:
                speed = sum(_spans(play)) / seconds
                return await _while_all_run(chain, _acts(Stand(play, plant, chain, site, speed, seen), console))


async def _while_all_run(chain: Chain, work: Coroutine[Any, Any, list[Check]]) -> list[Check]:
    """Return what *work* does; when a service ends before, end it and raise what the supervisor says of that."""
    failing, working = asyncio.create_task(chain.supervisor.finished(STAGES[0])), asyncio.create_task(work)
    try:
        await asyncio.wait((failing, working), return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
        return await working
    finally:
        for task in (failing, working):
            task.cancel()


def _spans(play: Play) -> list[float]:
    """Return the length of each act, s."""
    return [(end - start) / SECOND for start, end in zip(play.act_starts, play.act_ends, strict=True)]


def _train(play: Play, plant: Plant, bundles: Path) -> None:
    shutil.rmtree(bundles, ignore_errors=True)
    source = Source("simulated normal operation", play.training, events=play.events)
    train_dataset(plant, build_dataset(plant, "pump", source), bundles, false_alarms_per_week=2.0)


async def _started(
    chain: Chain, play: Play, plant: Plant, directory: Path, bundles: Path, say: Callable[[str], None]
) -> RegistrySite:
    await announce(chain.kafka, plant, play.events)
    site = make_registry_site(directory / "registry", free_port())
    await chain.start_registry(site)
    await promote_all(site, bundles, say)
    for name in STAGES:
        await chain.start(name)
    lake = (directory / "lake").resolve()
    await chain.start("historian", {"ANDON_HISTORIAN__LAKE__DIRECTORY": str(lake), **_ENVIRONMENT["historian"]})
    await chain.start("drift")
    await chain.start_trainer(site, lake, _ENVIRONMENT["trainer"])
    await chain.ready(*STAGES, "historian", "drift", "trainer")
    await _watched(chain)
    return site


async def _watched(chain: Chain) -> None:
    """Return once the drift service knows what is normal, which takes it some seconds.

    Raises:
        AndonError: it does not in time.
    """
    await _told_by(
        chain, "drift", lambda reading: reading.total("andon_drift_promised_alarms") > 0, "no class is watched"
    )


async def _told_by(chain: Chain, service: str, so: Callable[[Reading], bool], otherwise: str) -> None:
    """Return once something is so by the metrics of a service."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                reading = await scrape({service: chain.ports[service]})
                if so(reading[service]):
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AndonError(f"{service}: {otherwise}; its log says why") from None


async def _acts(stand: Stand, console: Console) -> list[Check]:
    """Play all acts."""
    play, seen = stand.play, stand.seen
    console.print("[bold]first act[/]: a pump wears, a sensor runs away, a product changes")
    await _play(stand, 0)
    await seen.until(lambda: bool(_answers(seen)), "a candidate", _PATIENCE_S)
    if not seen.actions("retrained"):
        return checks(play, seen, None, None)
    candidate = seen.actions("retrained")[0]
    console.print("[bold]second act[/]: the candidate scores beside production")
    await _loaded(stand, candidate.version, "shadow")
    await _play(stand, 1)
    tried = await _judged(stand, 1)
    console.print("[bold]last act[/]: approved by boris, it takes over")
    await _approve(stand, candidate)
    await _loaded(stand, candidate.version, "production")
    await _play(stand, 2)
    return checks(play, seen, tried, await _judged(stand, 2))


def _answers(seen: Watching) -> list[ModelEvent]:
    return seen.actions("retrained") + seen.actions("retrain_failed")


async def _play(stand: Stand, number: int) -> None:
    """Let the machines play an act to its end."""
    await tell(stand.chain.kafka, stand.plant, stand.play.acts[number], stand.speed)


async def _judged(stand: Stand, number: int) -> Verdicts:
    """Return the verdicts on the worn pump in an act, once nearly all of its windows are judged."""
    start, end = stand.play.act_starts[number], stand.play.act_ends[number]
    asset = stand.play.assets[WORN]
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            found = await verdicts(stand.chain.kafka, stand.plant, asset, start, end)
            if found.last >= end - _NEARLY:
                return found
            await asyncio.sleep(_POLL_S)


async def _loaded(stand: Stand, version: str, role: str) -> None:
    """Return once inference serves a version in a role.

    Raises:
        AndonError: it does not in time.
    """

    def serves(reading: Reading) -> bool:
        return reading.total("andon_model_info", role=role, version=version) > 0

    await _told_by(stand.chain, "inference", serves, f"does not serve {version} as {role}")


async def _approve(stand: Stand, candidate: ModelEvent) -> None:
    """Let Anna ask for the candidate and Boris approve it."""
    site, trust = stand.site, Trust.load(stand.site.trust)
    async with connected(site.client("anna")) as anna, connected(site.client("boris")) as boris:
        reason = "fewer alarms than the champion on what is normal now"
        asked = await anna.request_promotion(candidate.name, candidate.version, pb.ALIAS_PRODUCTION, _WHOLE, reason)
        await approve_request(boris, asked.promotion.id, site.signer("boris"), trust, "agreed", wall_clock)
