"""Bundles that have been fetched, in folders named by the digest of their manifest, which names all other digests."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from andon.disk import sync_directory
from andon.errors import BundleError, RegistryError
from andon.models.bundle import FILE_SETS
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb

_INCOMING = ".incoming"


class BundleCache:
    """A folder of whole bundles.

    What is in it was what the registry announced when it came; that it still is, and is signed, must be checked before
    it is used.

    Args:
        folder: made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def bring(self, model: pb.ModelVersion, client: RegistryClient | None) -> Path:
        """Return the folder of a bundle, fetched if it is not there.

        Args:
            model: what the registry says of it.
            client: where to fetch; None while the registry is away.

        Raises:
            RegistryError: it is not there, and the registry is away or refuses.
            BundleError: what was fetched is not what was announced.
        """
        target = self.folder / hashlib.sha256(model.manifest).hexdigest()
        if target.is_dir():
            return target
        if client is None:
            raise RegistryError(
                f"version {model.version} of {model.name} was never fetched, and the registry is away",
                code="UNAVAILABLE",
                away=True,
            )
        _check_names(model)
        incoming = target.with_name(f"{target.name}{_INCOMING}")
        incoming.mkdir(exist_ok=True)
        for file in model.files:
            if not (incoming / file.name).exists():
                await client.fetch(file.digest, incoming / file.name)
        await asyncio.to_thread(_settle, incoming, target)
        return target

    def forget(self, folder: Path) -> None:
        """Remove a bundle that turned out to be damaged, so that it is fetched again."""
        shutil.rmtree(folder, ignore_errors=True)

    def keep_only(self, folders: Iterable[Path]) -> None:
        """Remove all bundles but these."""
        kept = set(folders)
        for path in self.folder.iterdir():
            if path.is_dir() and path not in kept and not path.name.endswith(_INCOMING):
                shutil.rmtree(path, ignore_errors=True)


def _check_names(model: pb.ModelVersion) -> None:
    """Refuse files that are no bundle's: a name such as ``../plant.yaml`` must not leave the folder."""
    names = [file.name for file in model.files]
    if set(names) not in FILE_SETS or len(set(names)) < len(names):
        allowed = " or ".join(", ".join(sorted(files)) for files in FILE_SETS)
        raise BundleError(f"version {model.version} of {model.name} has files {names}, a bundle has {allowed}")


def _settle(incoming: Path, target: Path) -> None:
    sync_directory(incoming)
    incoming.rename(target)
