"""The demo's chain with all services, at work on machines behind an OPC UA server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import yaml

from andon.clock import wall_clock
from andon.contracts import Alert, Feedback, Verdict
from andon.models import load_bundle
from andon.plant.load import load_plant
from andon.recordings import load_mapping
from andon.registry.acts import publish_bundle
from andon.registry.client import connected
from andon.registry.v1 import registry_pb2 as pb
from andon.stream.publish import new_lines, publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from sandbox.broker import free_port
from sandbox.chain import STAGES, Chain, running_chain
from sandbox.demo.alerts import follow
from sandbox.demo.feed import Feed, fed, present
from sandbox.demo.production import announce, plan
from sandbox.demo.scenario import Scenario, simulated
from sandbox.promotion import promote_all
from sandbox.registry import RegistrySite, make_registry_site
from sandbox.supervisor import OnFailure
from services.trainer.dataset import train_recording

#: Slow enough for a busy machine, fast enough for the first fault, after three minutes, to come soon.
_SPEED = "60"
_AROUND = ("historian", "oee", "parity", "notify")


def scenario(folder: Path) -> Scenario:
    """The simulated station, with a use case that says all that the dashboards ask for."""
    made = simulated(folder, seed=7)
    model = yaml.safe_load(made.plant_file.read_text())
    model["use_cases"][0] |= {"avoided_downtime": "4h", "criteria": {"max_false_alarms_per_week": 1}}
    file = folder / "plant.yaml"
    file.write_text(yaml.safe_dump(model, sort_keys=False))
    return present(replace(made, plant_file=file), Feed.OPCUA)


def train(made: Scenario, bundles: Path, share: float) -> None:
    part = made.training
    mapping = load_mapping(part.mapping)
    train_recording(load_plant(made.plant_file), part.folder, mapping, bundles, false_alarm_rate=share)


@contextlib.asynccontextmanager
async def all_services(made: Scenario, folder: Path) -> AsyncIterator[Chain]:
    """All services but ingest, ready for work: a model in production, another one as its shadow."""
    log = (folder / "services.log").open("w")
    plant = load_plant(made.plant_file)
    sinks = folder / "sinks.yaml"
    sinks.write_text(yaml.safe_dump({"sinks": [{"name": "log", "kind": "log"}]}))

    def say(service: str, line: str) -> None:
        log.write(f"{service:>10} | {line}\n")

    extra = {
        "context": {"ANDON_CONTEXT__HORIZON": "10000d"},
        "historian": {"ANDON_HISTORIAN__LAKE__DIRECTORY": str(folder / "lake")},
        "oee": {"ANDON_OEE__EVERY": "1s"},
        "parity": {"ANDON_PARITY__EVERY": "1s"},
        "notify": {"ANDON_NOTIFY__SINKS": str(sinks)},
    }
    with log:
        async with running_chain(made.plant_file, folder, say, on_failure=OnFailure.STOP_ALL) as chain:
            await ensure_topics(chain.kafka, plant)
            await announce(chain.kafka, plant, plan(made, plant))
            site = make_registry_site(folder / "registry", free_port())
            await chain.start_registry(site)
            await promote(site, made, folder)
            for name in (*STAGES, *_AROUND):
                await chain.start(name, extra.get(name))
            await chain.ready(*STAGES, *_AROUND)
            yield chain


async def promote(site: RegistrySite, made: Scenario, folder: Path) -> None:
    """Let one model act, and another one be its shadow."""
    for name, share in (("champion", 0.01), ("challenger", 0.02)):
        await asyncio.to_thread(train, made, folder / name, share)
    await promote_all(site, folder / "champion", print)
    (challenger,) = (folder / "challenger").glob("*/*")
    manifest = load_bundle(challenger).manifest
    async with connected(site.client("anna")) as anna:
        await publish_bundle(anna, challenger, site.signer("anna"), "trained")
        await anna.assign(manifest.name, pb.ALIAS_SHADOW, manifest.version, "to compare")


@contextlib.asynccontextmanager
async def playing(chain: Chain, made: Scenario, folder: Path) -> AsyncIterator[None]:
    """Play the machines behind an OPC UA server until the block ends; one record is no JSON."""
    plant = load_plant(made.plant_file)
    async with publishing(chain.kafka, topic_name(plant, Stage.RAW)) as publisher:
        await publisher.deliver(new_lines([(next(iter(plant.assets)).encode(), b"no JSON")]))
    async with fed(made, Feed.OPCUA, _SPEED, chain, folder) as played:
        yield
        played.cancel()
        await asyncio.wait((played,))


async def judge(chain: Chain, made: Scenario) -> None:
    """Wait for the first alert, and say twice what was found."""
    plant = load_plant(made.plant_file)
    first: asyncio.Future[Alert] = asyncio.get_running_loop().create_future()

    def take(alert: Alert) -> None:
        if not first.done():
            first.set_result(alert)

    following = asyncio.create_task(follow(chain.kafka, topic_name(plant, Stage.ALERT), take))
    async with asyncio.timeout(90):
        alert = await first
    following.cancel()
    async with publishing(chain.kafka, topic_name(plant, Stage.FEEDBACK)) as publisher:
        said = [verdict(alert, "anna", Verdict.REAL), verdict(alert, "boris", Verdict.FALSE)]
        await publisher.deliver(new_lines([(one.asset.encode(), one.model_dump_json().encode()) for one in said]))


def verdict(alert: Alert, author: str, found: Verdict) -> Feedback:
    now = wall_clock()
    return Feedback(
        id=f"{alert.asset}@{now}:feedback:{author}",
        asset=alert.asset,
        time=now,
        ingest_time=now,
        alert=alert.alert,
        verdict=found,
        author=author,
        model=alert.model,
    )
