"""What people do with the registry, from their side: check, sign with their own key, and send."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import orjson

from andon.clock import Clock
from andon.errors import BundleError, ConfigError
from andon.models import load_bundle
from andon.registry.alias import alias_name
from andon.registry.approval import statement
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Role, Signer, Trust

_WHOLE = 1_000


async def publish_bundle(client: RegistryClient, bundle: Path, signer: Signer, reason: str) -> pb.PublishResponse:
    """Check the bundle in a folder, sign it as its author, and publish it.

    Raises:
        BundleError: the bundle is not sound.
        SigningError: the key cannot sign.
        RegistryError: the registry refuses, or is away.
    """
    await asyncio.to_thread(load_bundle, bundle)
    signature = await asyncio.to_thread(signer.sign, bundle, Role.AUTHOR)
    return await client.publish(bundle, signature, reason)


async def approve_request(
    client: RegistryClient, number: int, signer: Signer, trust: Trust, reason: str, clock: Clock
) -> pb.ApproveResponse:
    """Fetch what a request wants to let act, check its author's signature, sign it as approver, and let it through.

    Raises:
        ConfigError: there is no such request.
        BundleError: the bundle is not sound, or its author's signature does not count.
        RegistryError: the registry refuses, or is away.
    """
    promotion = next((each for each in (await client.list()).promotions if each.id == number), None)
    if promotion is None:
        raise ConfigError(f"there is no request {number}: see `andon registry list`")
    alias = alias_name(promotion.alias)
    model = await version_of(client, promotion.name, promotion.version)
    rollback = await _goes_back(client, model, promotion.replaces) if alias == "production" else False
    signature = await _sign(client, model, alias, promotion.share_permille, signer, trust, clock, rollback=rollback)
    return await client.approve(number, signature, reason)


async def roll_back(
    client: RegistryClient, name: str, signer: Signer, trust: Trust, reason: str, clock: Clock
) -> pb.RollBackResponse:
    """Let the previous version of a model act again, signed as approver.

    Raises:
        BundleError: the bundle is not sound, or its author's signature does not count.
        RegistryError: there is no previous version, the registry refuses, or is away.
    """
    previous = await client.resolve(name, pb.ALIAS_PREVIOUS)
    signature = await _sign(client, previous.model, "production", _WHOLE, signer, trust, clock, rollback=True)
    return await client.roll_back(name, signature, reason)


async def version_of(client: RegistryClient, name: str, version: str) -> pb.ModelVersion:
    """Return what the registry says of a version, with its manifest.

    Raises:
        ConfigError: there is no such version.
        RegistryError: the registry refuses, or is away.
    """
    models = (await client.list(name, version)).models
    if not models:
        raise ConfigError(f"there is no version {version} of {name}: see `andon registry list`")
    return models[0]


async def _goes_back(client: RegistryClient, model: pb.ModelVersion, replaced: str) -> bool:
    if not replaced:
        return False
    return created(model) < created(await version_of(client, model.name, replaced))


def created(model: pb.ModelVersion) -> int:
    """Return when a version was made, microseconds UTC."""
    return int(orjson.loads(model.manifest)["created"])


async def _sign(
    client: RegistryClient,
    model: pb.ModelVersion,
    alias: str,
    share: int,
    signer: Signer,
    trust: Trust,
    clock: Clock,
    *,
    rollback: bool,
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="andon-approve-") as folder:
        bundle = await BundleCache(Path(folder)).bring(model, client)
        await asyncio.to_thread(trust.verify, bundle, model.author_signature, Role.AUTHOR)
        found = (await asyncio.to_thread(load_bundle, bundle)).manifest
        if (found.name, found.version) != (model.name, model.version):
            raise BundleError(f"the registry gave version {found.version} of {found.name} for {model.version}")
        serial = clock()
        said = statement(model.name, model.version, alias, serial=serial, share_permille=share, rollback=rollback)
        return await asyncio.to_thread(signer.sign, bundle, Role.APPROVER, said)
