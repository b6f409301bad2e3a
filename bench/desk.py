"""A model registry at work beside a bench, and the two people that a promotion takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from andon.clock import wall_clock
from andon.models import Bundle, save_bundle
from andon.registry.acts import approve_request, publish_bundle
from andon.registry.client import RegistryClient, connected
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Signer, Trust
from bench.child import Child, child
from bench.common import Bus
from sandbox.broker import free_port
from sandbox.database import embedded_database
from sandbox.registry import RegistrySite, make_registry_site

_WHY = "to be measured"
_WHOLE = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs, with a connection to the registry."""

    client: RegistryClient
    signer: Signer


@dataclass(frozen=True, slots=True)
class Desk:
    """A registry over mutual TLS, on a database of its own.

    Attributes:
        site: its keys, certificates and files.
        service: its process.
        folder: takes the bundles that are published.
        anna: the author.
        boris: the approver.
    """

    site: RegistrySite
    service: Child
    folder: Path
    anna: Person
    boris: Person

    async def promote(self, bundle: Bundle) -> int:
        """Let a bundle act: publish, ask, approve. Return when it was approved, microseconds UTC."""
        folder, anna = save_bundle(bundle, self.folder), self.anna
        await publish_bundle(anna.client, folder, anna.signer, _WHY)
        name, version = bundle.manifest.name, bundle.manifest.version
        asked = await anna.client.request_promotion(name, version, pb.ALIAS_PRODUCTION, _WHOLE, _WHY)
        trust, boris = Trust.load(self.site.trust), self.boris
        await approve_request(boris.client, int(asked.promotion.id), boris.signer, trust, _WHY, wall_clock)
        return wall_clock()


@contextlib.asynccontextmanager
async def desk(on: Bus) -> AsyncIterator[Desk]:
    """Run a registry and its database for the length of an `async with` block."""
    site = make_registry_site(on.directory / "registry", free_port())
    with contextlib.ExitStack() as stack:
        dsn = stack.enter_context(embedded_database(on.directory / "database"))
        environment = site.server_environment() | {"ANDON_DATABASE__DSN": dsn}
        service = stack.enter_context(child(on, "services.registry", environment=environment))
        await service.ready()
        async with connected(site.client("anna")) as anna, connected(site.client("boris")) as boris:
            people = Person(anna, site.signer("anna")), Person(boris, site.signer("boris"))
            yield Desk(site, service, on.directory / "published", *people)
