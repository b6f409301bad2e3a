"""Cut lines, a database that goes away, a registry that is killed: nothing is half done, and no entry is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from andon.errors import BundleError, RegistryError
from andon.models import Bundle, make_bundle
from andon.registry.audit import Entry, Receipt, findings
from andon.registry.client import RegistryClient, connected
from andon.registry.ledger import read_log
from andon.registry.settings import RegistryClientSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings
from andon.signing import Role
from sandbox.broker import free_port
from sandbox.cut import Line, line_to
from sandbox.database import embedded_database
from sandbox.registry import RegistrySite, make_registry_site
from tests.database.server import start_database, stop_database
from tests.models.sample import trained
from tests.registry.desk import GO, NAME, aliases, answered, ask, model, promote, publish, registry, saved

SIZE = 3 * 2**20


def large() -> Bundle:
    """Return a bundle whose file is too large for one message; the registry does not build graphs."""
    facts = trained().facts.model_copy(update={"verdict": GO})
    return make_bundle(facts, random.Random(1).randbytes(SIZE), created=9)


@contextlib.asynccontextmanager
async def through(site: RegistrySite, name: str) -> AsyncIterator[tuple[RegistryClient, Line]]:
    """Give a client whose line to the registry can be cut."""
    async with line_to(site.port) as (port, line):
        settings = site.client(name).model_copy(update={"address": f"127.0.0.1:{port}"})
        async with connected(settings) as client:
            yield client, line


async def log_of(settings: RegistryClientSettings) -> list[Entry]:
    async with connected(settings) as client:
        return await read_log(client)


async def test_a_fetch_that_was_cut_goes_on_where_it_was(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        folder = saved(large(), tmp_path)
        async with connected(site.client("anna")) as anna:
            await anna.publish(folder, site.signer("anna").sign(folder, Role.AUTHOR), "large")
        async with through(site, "inference") as (client, line):
            line.down = SIZE // 2
            target = tmp_path / "fetched"
            await client.fetch(large().ref.digest, target)
        assert target.read_bytes() == large().onnx
        assert line.cuts == 1
        assert line.passed < 1.4 * SIZE, "what had come in before the cut was not fetched again"


async def test_what_a_killed_client_had_fetched_is_not_fetched_again_unless_it_is_damaged(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        folder = saved(large(), tmp_path)
        async with connected(site.client("anna")) as anna:
            await anna.publish(folder, site.signer("anna").sign(folder, Role.AUTHOR), "large")
        partial, target = tmp_path / "fetched.partial", tmp_path / "fetched"
        async with through(site, "inference") as (client, line):
            partial.write_bytes(large().onnx[: SIZE - 1_000])
            await client.fetch(large().ref.digest, target)
            assert line.passed < SIZE // 10
            target.unlink()
            partial.write_bytes(b"damaged" + large().onnx[7 : SIZE - 1_000])
            with pytest.raises(BundleError, match="fetch again"):
                await client.fetch(large().ref.digest, target)
            assert not partial.exists()
            await client.fetch(large().ref.digest, target)
        assert target.read_bytes() == large().onnx


async def test_a_publication_that_was_cut_leaves_nothing_and_can_be_made_again(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        folder = saved(large(), tmp_path)
        signature = site.signer("anna").sign(folder, Role.AUTHOR)
        async with through(site, "anna") as (client, line):
            line.up = SIZE // 2
            with pytest.raises(RegistryError) as caught:
                await client.publish(folder, signature, "cut")
            assert caught.value.away
            assert not (await client.list()).models
            assert (await client.publish(folder, signature, "again")).is_new
        async with asyncio.timeout(10):
            while any((site.folder / "blobs" / "partial").iterdir()):
                await asyncio.sleep(0.05)


async def test_a_cut_in_any_call_is_said_to_be_one_and_the_log_stays_sound(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    async with registry(tmp_path, database) as site:
        await promote(site, model(1), tmp_path)
        await publish(site, model(2), tmp_path)
        version = model(2).manifest.version
        signature = site.signer("boris").sign(saved(model(2), tmp_path), Role.APPROVER, {})
        calls: dict[str, list[Callable[[RegistryClient], Awaitable[object]]]] = {
            "anna": [
                lambda client: client.list(NAME),
                lambda client: client.resolve(NAME, pb.ALIAS_PRODUCTION),
                lambda client: anext(client.watch([NAME])),
                lambda client: anext(client.audit()),
                lambda client: client.request_promotion(NAME, version, pb.ALIAS_PRODUCTION, 1_000, "cut"),
                lambda client: client.assign(NAME, pb.ALIAS_SHADOW, version, "cut"),
            ],
            "boris": [
                lambda client: client.reject(1, "cut"),
                lambda client: client.approve(1, signature, "cut"),
                lambda client: client.roll_back(NAME, signature, "cut"),
            ],
        }
        for name, acts in calls.items():
            for act in acts:
                async with through(site, name) as (client, line):
                    await client.list()  # the connection stands
                    line.down = 1
                    with pytest.raises(RegistryError) as caught:
                        await act(client)
                    assert caught.value.away
        log = await log_of(site.client("clara"))
        assert list(findings(log)) == []
        assert {entry.action for entry in log[3:]} <= {"published", "requested", "assigned"}


async def test_while_the_database_is_away_nothing_changes_and_afterwards_everything_goes_on(tmp_path: Path) -> None:
    with embedded_database(tmp_path / "own") as dsn:
        settings = DatabaseSettings.model_validate({"dsn": dsn, "timeout": "2s"})
        async with registry(tmp_path, settings) as site, connected(site.client("inference")) as client:
            await promote(site, model(1), tmp_path)
            told = client.watch([NAME])
            before = (await anext(told)).assignments
            await stop_database(tmp_path / "own")
            with pytest.raises(RegistryError) as caught:
                await publish(site, model(2), tmp_path)
            assert (caught.value.code, caught.value.away) == ("UNAVAILABLE", True)
            start_database(tmp_path / "own")
            async with asyncio.timeout(30):
                while True:
                    with contextlib.suppress(RegistryError):
                        await promote(site, model(2), tmp_path)
                        break
                    await asyncio.sleep(0.1)
                while (now := (await anext(told)).assignments) == before or len(now) < 3:
                    pass
            assert (await aliases(client))["production"] == model(2).manifest.version
            assert list(findings(await log_of(site.client("clara")))) == []


async def test_a_registry_that_is_killed_at_work_loses_no_entry_that_it_gave_a_receipt_for(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    site = make_registry_site(tmp_path / "registry", free_port())
    receipts: list[Receipt] = []
    for start in range(3):
        async with process(site, database, tmp_path) as killed:
            working = asyncio.create_task(_work(site, tmp_path, receipts, start))
            await killed(after=len(receipts) + 5, receipts=receipts)
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError, RegistryError):
                await working
    async with process(site, database, tmp_path):
        log = await log_of(site.client("clara"))
        assert len(receipts) >= 15
        assert list(findings(log, receipts)) == []
        async with connected(site.client("clara")) as client:
            stored = {each.version for each in (await client.list()).models}
        assert stored == {entry.version for entry in log if entry.action == "published"}


async def _work(site: RegistrySite, folder: Path, receipts: list[Receipt], start: int) -> None:
    """Publish and ask, again and again, and keep the receipts."""
    for number in range(1_000 * start, 1_000 * (start + 1)):
        published = (await publish(site, model(number), folder)).receipt
        receipts.append(Receipt(published.number, published.hash))
        await ask(site, model(number))


@contextlib.asynccontextmanager
async def process(site: RegistrySite, database: DatabaseSettings, folder: Path) -> AsyncIterator[Killed]:
    """Run the registry as a process of its own; gives what kills it."""
    assert database.dsn is not None
    plant = folder / "plant.yaml"
    plant.write_text(
        "enterprise: acme\nsite: north\nclasses: {pump: {tags: {flow: {}}}}\nassets: {hall/pump: {class: pump}}\n"
    )
    environment = {
        **os.environ,
        **site.server_environment(),
        "ANDON_PLANT": str(plant),
        "ANDON_DATABASE__DSN": database.dsn.get_secret_value(),
        "ANDON_REGISTRY__ANNOUNCE": "false",
        "ANDON_TELEMETRY__HOST": "127.0.0.1",
        "ANDON_TELEMETRY__PORT": "0",
    }
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.registry", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with connected(site.client("clara")) as client:
            await answered(client)
        yield Killed(service)
    finally:
        with contextlib.suppress(ProcessLookupError):
            service.kill()
        await service.wait()


class Killed:
    """Kills a service once so many receipts have been given."""

    def __init__(self, service: asyncio.subprocess.Process) -> None:
        self._service = service

    async def __call__(self, *, after: int, receipts: list[Receipt]) -> None:
        async with asyncio.timeout(30):
            while len(receipts) < after:
                await asyncio.sleep(0.01)
        self._service.kill()
        await self._service.wait()
