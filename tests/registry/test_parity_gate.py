"""What the parity service measures decides what the registry lets through: real broker, real database, real TLS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson
import pytest

from andon.errors import RegistryError
from andon.models import Bundle
from andon.plant import Plant
from andon.registry.client import connected
from andon.registry.consistency import contradictions
from andon.registry.ledger import read_all
from andon.registry.settings import ModelSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.wording import parity_in_words
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.stream.codec import Line
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.broker import free_port
from sandbox.registry import RegistrySite
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.parity.__main__ import ServiceSettings, run
from services.parity.settings import ParitySettings
from tests.models.sample import DEFINITION, PLANT
from tests.registry.desk import NAME, andon_registry, approve, ask, model, promote, publish, registry
from tests.stream.bus import at_work, frame, line, reading, send, settings, site_ready, stage_topic, working

OLD, NEW = model(1), model(2)
VERSION = NEW.manifest.version


def raw(first: int, count: int) -> list[Line]:
    return [
        line(frame("hall/pump-1", index, origin="backfill", values=dict.fromkeys(("flow", "pressure", "power"), index)))
        for index in range(first, first + count)
    ]


@contextlib.asynccontextmanager
async def measuring(site: RegistrySite, kafka: KafkaSettings, plant: Plant) -> AsyncIterator[None]:
    """Run the parity service, which reports to the site's registry; it is ready when the block begins."""
    port = free_port()
    chosen = ServiceSettings(
        kafka=kafka,
        telemetry=TelemetrySettings(host="127.0.0.1", port=port),
        models=ModelSettings(registry=site.client("parity")),
        parity=ParitySettings.model_validate({"every": "100ms"}),
    )
    async with at_work(lambda stop: run(plant, chosen, Metrics("parity"), stop)):
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while not await is_ready(session, port):
                await asyncio.sleep(0.05)
        yield


async def is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def told(site: RegistrySite, enough: Callable[[pb.Parity], bool]) -> pb.Parity:
    """Wait until the registry was told enough of the parity of NEW's features."""
    async with asyncio.timeout(30), connected(site.client("clara")) as client:
        while True:
            (parity,) = (await client.list(NAME, VERSION)).parity
            if enough(parity):
                return parity
            await asyncio.sleep(0.05)


async def refused(attempt: Awaitable[object]) -> str:
    with pytest.raises(RegistryError) as caught:
        await attempt
    assert caught.value.code == "FAILED_PRECONDITION"
    return str(caught.value)


async def test_features_that_differ_in_production_let_no_model_through(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    plant, chosen = PLANT.model_copy(update={"site": site}), settings(kafka)
    await site_ready(kafka, plant)
    stages = context_stage(plant, ContextSettings()), feature_stage(plant)
    async with (
        registry(tmp_path, database) as registered,
        working(stages[0], plant, chosen),
        working(stages[1], plant, chosen),
        reading(kafka, stage_topic(plant, Stage.FEATURE)) as features,
    ):
        await promote(registered, OLD, tmp_path)
        await publish(registered, NEW, tmp_path)
        async with connected(registered.client("anna")) as client:
            asked = await client.request_promotion(NAME, VERSION, pb.ALIAS_PRODUCTION, 1_000, "better")
        assert parity_in_words(asked.parity).startswith(f"parity of feature definition {DEFINITION.hash} is unknown")
        async with measuring(registered, kafka, plant):
            await send(kafka, stage_topic(plant, Stage.RAW), raw(0, 60))
            record = (await features.until(lambda records: len(records) >= 5))[0]
            parity = await told(registered, lambda parity: parity.checked >= 1)
            assert (parity.mismatches, list(parity.reporters)) == (0, ["parity"])
            forged = orjson.loads(record.value)
            forged["features"]["flow_mean"] += 1
            await send(
                kafka,
                stage_topic(plant, Stage.FEATURE),
                [Line(record.key, orjson.dumps(forged), list(record.headers))],
            )
            await told(registered, lambda parity: parity.mismatches == 1)
        said = await refused(approve(registered, 2))
        assert said.startswith("1 of ")
        assert "see `andon parity check`" in said
        assert (await refused(ask(registered, NEW, canary=100))).startswith("1 of ")
        shown = await andon_registry(registered, "clara", "show", NAME, VERSION)
        assert f"vectors of feature definition {DEFINITION.hash} differ" in " ".join(shown.output.split())
        async with connected(registered.client("clara")) as client:
            log, stored = await read_all(client)
        assert [(entry.actor, entry.action) for entry in log[-3:]] == [
            ("parity", "parity_broken"),
            ("boris", "refused"),
            ("anna", "refused"),
        ]
        assert orjson.loads(log[-2].details)["refused"] == said
        assert list(contradictions(log, stored)) == []
        listed = await andon_registry(registered, "clara", "audit", "list")
        assert f"anna was refused {NAME} {VERSION} as canary: 1 of" in " ".join(listed.output.split())


async def reported(site: RegistrySite, who: str, definition: str, checked: int, mismatches: int, largest: float) -> str:
    async with connected(site.client(who)) as client:
        with pytest.raises(RegistryError) as caught:
            await client.report_parity(definition, checked, mismatches, largest)
        return caught.value.code


async def test_only_who_may_measure_is_heard_and_only_what_can_be_measured(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        for nobody in ("anna", "boris", "clara", "inference"):
            assert await reported(site, nobody, DEFINITION.hash, 1, 1, 0.1) == "PERMISSION_DENIED"
        for nonsense in (("pump", 1, 0, 0.0), (DEFINITION.hash, 1, 2, 0.0), (DEFINITION.hash, 1, 0, float("nan"))):
            assert await reported(site, "parity", *nonsense) == "INVALID_ARGUMENT"
        async with connected(site.client("parity")) as client:
            with pytest.raises(RegistryError, match="may not"):
                await client.list()
            for _ in range(2):  # as after an answer that was lost
                response = await client.report_parity(DEFINITION.hash, 10, 1, float("inf"))
            assert (response.parity.checked, response.parity.mismatches) == (20, 2)
            other = await client.report_parity("0" * 12, 5, 0, 0.0)
            assert (other.parity.checked, other.parity.mismatches) == (5, 0)


async def test_a_rollback_goes_through_all_the_same(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        for each in (OLD, NEW):
            await promote(site, each, tmp_path)
        async with connected(site.client("parity")) as client:
            await client.report_parity(DEFINITION.hash, 10, 1, 0.5)
        boris = "--key", site.key("boris")
        back = await andon_registry(site, "boris", "rollback", NAME, *boris, "--reason", "alerts")
        assert f"{NAME} {version(OLD)} acts as production" in back.output


def version(bundle: Bundle) -> str:
    return bundle.manifest.version
