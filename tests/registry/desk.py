"""A registry at work, and the people who use it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

from typer.testing import CliRunner, Result

from andon.cli import app
from andon.clock import wall_clock
from andon.errors import RegistryError
from andon.models import Bundle, save_bundle
from andon.models.manifest import Criterion, Verdict
from andon.plant import Plant
from andon.registry.acts import approve_request, publish_bundle
from andon.registry.alias import alias_name
from andon.registry.client import RegistryClient, connected
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.signing import Trust
from andon.telemetry import Metrics
from sandbox.broker import free_port
from sandbox.registry import RegistrySite, make_registry_site
from services.registry.__main__ import run
from services.registry.settings import RegistrySettings, ServiceSettings
from tests.models.sample import PLANT, trained
from tests.stream.bus import at_work

NAME = "pump"
GO = Verdict(criteria=(Criterion(name="recall", value=1, limit=0.9, at_most=False, evidence="ten faults"),))
NO_GO = Verdict(criteria=(Criterion(name="recall", value=0.5, limit=0.9, at_most=False, evidence="ten faults"),))


def model(number: int, *, verdict: Verdict | None = GO) -> Bundle:
    """Return one of a series of models, each newer than the one before."""
    facts = trained().facts
    changed = facts.model_copy(update={"threshold": facts.threshold + number, "verdict": verdict})
    return dataclasses.replace(trained(), facts=changed).seal(1_700_000_000_000_000 + number)


def saved(bundle: Bundle, folder: Path) -> Path:
    """Return the folder of a bundle that was written to disk."""
    return save_bundle(bundle, folder / "bundles")


@contextlib.asynccontextmanager
async def registry(
    folder: Path,
    database: DatabaseSettings,
    *,
    kafka: KafkaSettings | None = None,
    plant: Plant = PLANT,
    port: int | None = None,
) -> AsyncIterator[RegistrySite]:
    """Give a running registry, whose people are those of `sandbox.registry`; *folder* may hold one from before."""
    root = folder / "registry"
    site = RegistrySite(root, port or free_port()) if root.exists() else make_registry_site(root, port or free_port())
    settings = ServiceSettings(
        kafka=kafka or KafkaSettings(),
        database=database,
        telemetry=TelemetrySettings(host="127.0.0.1", port=0),
        registry=server_settings(site, announce=kafka is not None),
    )
    metrics = Metrics("registry")
    async with at_work(lambda stop: run(plant, settings, metrics, stop)):
        async with connected(site.client("clara")) as client:
            await answered(client)
        yield site


def server_settings(site: RegistrySite, *, announce: bool) -> RegistrySettings:
    """Return the settings that the environment of a site's registry says."""
    tls = site.folder / "tls"
    return RegistrySettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": site.port,
            "tls": {
                "cert_file": tls / "registry.pem",
                "key_file": tls / "registry.key",
                "client_ca_file": tls / "ca.pem",
            },
            "blobs": site.folder / "blobs",
            "access": site.folder / "access.yaml",
            "trust": site.trust,
            "announce": announce,
        }
    )


async def answered(client: RegistryClient) -> pb.ListResponse:
    """Return the first answer of a registry that is about to start."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RegistryError):
                return await client.list()
            await asyncio.sleep(0.05)


async def publish(site: RegistrySite, bundle: Bundle, folder: Path) -> pb.PublishResponse:
    """Let Anna publish a bundle."""
    async with connected(site.client("anna")) as client:
        return await publish_bundle(client, saved(bundle, folder), site.signer("anna"), "trained")


async def ask(site: RegistrySite, bundle: Bundle, *, canary: int = 0) -> int:
    """Let Anna ask for a bundle to act, and return the request's number."""
    alias, share = (pb.ALIAS_CANARY, canary) if canary else (pb.ALIAS_PRODUCTION, 1_000)
    async with connected(site.client("anna")) as client:
        asked = await client.request_promotion(NAME, bundle.manifest.version, alias, share, "better")
        return int(asked.promotion.id)


async def approve(site: RegistrySite, number: int) -> pb.ApproveResponse:
    """Let Boris approve a request."""
    async with connected(site.client("boris")) as client:
        signer, trust = site.signer("boris"), Trust.load(site.trust)
        return await approve_request(client, number, signer, trust, "agreed", wall_clock)


async def promote(site: RegistrySite, bundle: Bundle, folder: Path, *, canary: int = 0) -> pb.ApproveResponse:
    """Publish a bundle, ask for it and approve it."""
    await publish(site, bundle, folder)
    return await approve(site, await ask(site, bundle, canary=canary))


async def andon_registry(site: RegistrySite, name: str, *arguments: object, **environment: str) -> Result:
    """Let somebody use `andon registry` at the command line."""
    runner = CliRunner(env=site.client_environment(name) | environment)
    return await asyncio.to_thread(runner.invoke, app, ["registry", *map(str, arguments)])


async def aliases(client: RegistryClient) -> dict[str, str]:
    """Return alias to version of the model."""
    return {alias_name(each.alias): each.model.version for each in (await client.list(NAME)).assignments}
