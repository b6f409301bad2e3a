"""The trainer at work: on a real broker, with a real registry, in processes that are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from andon.contracts import ModelEvent
from andon.errors import ConfigError
from andon.registry.client import connected
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings, KafkaSettings, read_settings
from andon.signing import Signer, Trust
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from sandbox.registry import RegistrySite, make_registry_site
from services.trainer.__main__ import run
from services.trainer.datasets.build import Source, build_dataset
from services.trainer.datasets.train import train_dataset
from services.trainer.retrain_cli import retrain
from services.trainer.retraining.workshop import Failed, Workshop
from services.trainer.settings import ServiceSettings
from tests.registry.desk import approve, ask, publish, registry
from tests.stream.bus import at_work
from tests.trainer.retraining import (
    HOUR,
    OTHER,
    PUMP,
    SHIFT,
    START,
    STRICT,
    Office,
    by_hand,
    environment,
    plant,
    plant_file,
    pumping,
    report,
    write_lake,
)


@dataclass(frozen=True)
class Rig:
    """A site with a registry and a lake, whose trainer is not yet at work."""

    office: Office
    site: RegistrySite
    folder: Path
    environment: dict[str, str]

    @contextlib.asynccontextmanager
    async def training(self) -> AsyncIterator[Metrics]:
        metrics, settings = Metrics("trainer"), self.settings()
        async with at_work(lambda stop: run(self.office.plant, settings, metrics, stop)):
            yield metrics

    def settings(self) -> ServiceSettings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return read_settings(ServiceSettings)

    def given(self, **extra: str) -> Rig:
        return replace(self, environment={**self.environment, **extra})

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.trainer", env={**os.environ, **self.environment}
        )


async def asked_at_the_command_line(environment: dict[str, str]) -> None:
    app, runner = Typer(), CliRunner(env=environment)
    app.command()(retrain)
    given = ["pump", "--reason", "new impeller", "--author", "anna", "--from", "2026-01-01", "--wait"]
    done = await asyncio.to_thread(runner.invoke, app, given)
    assert done.exit_code == 0, done.output
    assert "candidate pump " in done.output
    refused = await asyncio.to_thread(runner.invoke, app, ["valve", "--reason", "why not"])
    assert isinstance(refused.exception, ConfigError)
    assert "no class 'valve': it has fan, pump" in str(refused.exception)


@contextlib.asynccontextmanager
async def rig(
    kafka: KafkaSettings, database: DatabaseSettings, name: str, folder: Path, **drift: Any
) -> AsyncIterator[Rig]:
    """A pump whose flow has risen by SHIFT at START; the champion in production knows it from before."""
    model = plant(name, **drift)
    await ensure_topics(kafka, model)
    before = build_dataset(model, "pump", Source("before", pumping(START - 2 * HOUR, 3_600)))
    ((_, champion),) = train_dataset(model, before, folder / "before", false_alarms_per_week=5.0).bundles.items()
    drifted = (pumping(START, 2_400, asset=each, shift=SHIFT, seed=seed) for seed, each in enumerate((PUMP, OTHER)))
    write_lake(folder / "lake", model, *drifted)
    async with registry(folder, database, kafka=kafka, plant=model) as site:
        await publish(site, champion, folder)
        await approve(site, await ask(site, champion))
        yield Rig(Office(model, kafka), site, folder, environment(site, kafka, folder, plant_file(name, **drift)))


async def versions(site: RegistrySite) -> dict[int, list[str]]:
    async with connected(site.client("clara")) as client:
        listed = await client.list("pump")
    found: dict[int, list[str]] = {0: [each.version for each in listed.models]}
    for each in listed.assignments:
        found.setdefault(each.alias, []).append(each.model.version)
    return found


def summary(events: list[ModelEvent]) -> list[tuple[str, str, str | None]]:
    return [(event.action, event.retrain.origin, event.retrain.code) for event in events if event.retrain]


async def test_a_drift_leads_to_one_candidate_that_beats_the_champion_and_acts_nowhere(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    async with rig(kafka, database, site, tmp_path) as made:
        office, faulty = made.office, report(asset=OTHER, cause="sensor_fault", retrain="refused")
        async with made.given(ANDON_TRAINER__SHADOW="true").training() as metrics:
            await office.tell(report(), report(), faulty)
            await office.outcomes(2)
            await office.tell(report())
            await asked_at_the_command_line(made.environment)
        told = await office.told()
        assert sorted(summary(told)) == [
            ("retrain_refused", "drift", "faulty_data"),
            ("retrain_requested", "drift", None),
            ("retrain_requested", "drift", None),
            ("retrain_requested", "person", None),
            ("retrained", "drift", None),
            ("retrained", "person", None),
        ]
        first, second = (event for event in told if event.action == "retrained")
        assert first.retrain
        assert (second.reason, second.actor) == ("new impeller", "trainer")
        assert first.retrain.evidence == report().id
        assert first.retrain.windows == pytest.approx(478, abs=20)
        assert second.version == first.version, "the same data gives the same model, published once"
        listed = await versions(made.site)
        production = listed[pb.ALIAS_PRODUCTION]
        assert listed[pb.ALIAS_CANDIDATE] == listed[pb.ALIAS_SHADOW] == [first.version] != production
        async with connected(made.site.client("clara")) as client:
            [candidate] = (await client.list("pump", first.version)).models
            reasons = [entry.details async for entry in client.audit() if entry.action == "published"]
        assert candidate.author == candidate.publisher == "trainer"
        assert b"false_alarms_of_champion" in candidate.manifest
        assert b'"assets": [\n      "hall/a"\n    ]' in candidate.manifest, "nothing is learned from faulty data"
        assert report().id in reasons[-1]
        shown = metrics.exposition().decode()
        assert 'outcome="published",service="trainer"} 1.0' in shown
        assert 'andon_retrain_seconds_count{asset_class="pump",service="trainer"} 2.0' in shown
        assert not [path for path in (tmp_path / "work").iterdir() if path.name != ".champions"]


async def test_a_trainer_that_is_killed_takes_up_again_what_it_had_not_finished(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    async with rig(kafka, database, site, tmp_path) as made:
        await made.office.tell(report())
        for began in ("order.json", "result.json"):  # in the middle of a training, and between training and publication
            process = await made.start()
            async with asyncio.timeout(60):
                while not list((tmp_path / "work").glob(f"pump-*/{began}")):
                    await asyncio.sleep(0.005)
            process.kill()
            await process.wait()
            await none_left_training(tmp_path)
        process = await made.start()
        try:
            [outcome] = await made.office.outcomes(1)
        finally:
            process.terminate()
            await process.wait()
        assert outcome.action == "retrained"
        assert [event.action for event in await made.office.told()].count("retrain_requested") == 1
        assert (await versions(made.site))[pb.ALIAS_CANDIDATE] == [outcome.version]
        assert len([each for each in await made.office.told() if each.action == "retrained"]) == 1


async def none_left_training(folder: Path) -> None:
    """Wait until no process trains in a folder: what a killed service began ends by itself."""
    async with asyncio.timeout(20):
        while any(str(folder) in " ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])):
            await asyncio.sleep(0.05)


async def test_a_request_waits_for_data_and_stays_answerable_meanwhile(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    async with rig(kafka, database, site, tmp_path, cool_down="0s") as made:
        patient = made.given(ANDON_TRAINER__WINDOWS="1200")
        async with patient.training() as metrics:
            await made.office.tell(report())
            async with asyncio.timeout(30):
                while 'missing_windows{asset_class="pump",service="trainer"} 2' not in metrics.exposition().decode():
                    await asyncio.sleep(0.05)
            port = patient.environment["ANDON_TELEMETRY__PORT"]
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                assert answer.status == 200
            await made.office.tell(by_hand())
            [refused] = await made.office.outcomes(1)
            assert summary([refused]) == [("retrain_refused", "person", "already_running")]
            write_lake(tmp_path / "lake", made.office.plant, pumping(START + HOUR, 3_600, shift=SHIFT, seed=7))
            assert summary(await made.office.outcomes(2))[-1] == ("retrained", "drift", None)
        async with made.given(ANDON_TRAINER__WINDOWS="9999", ANDON_TRAINER__PATIENCE="1us").training():
            await made.office.tell(by_hand())
            assert summary(await made.office.outcomes(3))[-1] == ("retrain_refused", "person", "too_little_data")


async def test_what_does_not_pass_is_not_published_and_what_goes_wrong_is_told(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    async with rig(kafka, database, site, tmp_path) as made:
        before = await versions(made.site)
        (tmp_path / "strict.yaml").write_text(yaml.safe_dump(plant_file(site) | {"use_cases": [STRICT]}))
        wrong = {
            "no_go": made.given(ANDON_PLANT=str(tmp_path / "strict.yaml")),
            "crashed": made.given(ANDON_TRAINER__LAKE=str(tmp_path / "nowhere")),
            "took_too_long": made.given(ANDON_TRAINER__LIMIT="10ms"),
            "not_published": made.given(ANDON_TRAINER__KEY=str(made.site.key("boris"))),
        }
        found = await asyncio.gather(*(once(each, code, tmp_path / code) for code, each in wrong.items()))
        assert [each.code for each in found if isinstance(each, Failed)] == list(wrong)
        assert "recall is 0, at least 0.9 is asked for (0 of 0 events found" in str(found[0])
        assert "lake" in str(found[1])
        async with wrong["took_too_long"].training():
            await made.office.tell(by_hand())
            [outcome] = await made.office.outcomes(1)
        assert summary([outcome]) == [("retrain_failed", "person", "took_too_long")]
        assert outcome.retrain
        assert outcome.retrain.cool_down_end
        assert await versions(made.site) == before


async def once(made: Rig, name: str, work: Path) -> object:
    """Return what comes of one request, without a service around it."""
    settings, model = made.given(ANDON_TRAINER__WORK=str(work)).settings(), made.office.plant
    signer, trust = Signer.load(settings.trainer.key or Path()), Trust.load(made.site.trust)
    async with connected(settings.models.registry) as client:
        workshop = Workshop(model, settings, signer, trust, client, Metrics("trainer"))
        return await workshop.work(by_hand(name), (PUMP,))


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("ANDON_TRAINER__KEY", "ANDON_TRAINER__KEY is not set"),
        ("ANDON_MODELS__TRUST", "ANDON_MODELS__TRUST is not set"),
        ("ANDON_MODELS__REGISTRY__ADDRESS", "ANDON_MODELS__REGISTRY__ADDRESS"),
    ],
)
async def test_what_it_cannot_work_without_is_named_at_the_start(
    kafka: KafkaSettings, site: str, tmp_path: Path, missing: str, named: str
) -> None:
    model = plant(site)
    registered = make_registry_site(tmp_path / "registry", 1)
    given = environment(registered, kafka, tmp_path, plant_file(site))
    rest = {name: value for name, value in given.items() if not name.startswith(missing)}
    without = Rig(Office(model, kafka), registered, tmp_path, rest)
    with pytest.raises(ConfigError, match=named):
        await run(model, without.settings(), Metrics("trainer"), asyncio.Event())
