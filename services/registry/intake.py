"""A published bundle, from the stream of its parts to blobs that are whole and signed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from andon.clock import Clock
from andon.models import Manifest
from andon.models.bundle import MANIFEST_FILE, MODEL_FILE, parse_manifest
from andon.registry.v1 import registry_pb2 as pb
from andon.signing import Role, Trust
from services.registry.blobs import Blobs, Upload
from services.registry.store import Version


class IntakeError(Exception):
    """What came in is no bundle; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes published bundles in.

    Attributes:
        blobs: where their files go.
        trust: whose signatures count.
        max_bytes: larger bundles are refused.
        clock: microseconds UTC.
    """

    blobs: Blobs
    trust: Trust
    max_bytes: int
    clock: Clock

    async def receive(self, parts: AsyncIterator[pb.PublishRequest], publisher: str) -> tuple[Version, str]:
        """Return the version that came in, and the reason that was given for it.

        Raises:
            IntakeError: the parts do not make a bundle.
            BlobError: a file is not what the manifest says.
            BundleError: the manifest is not sound, or its author's signature does not count.
        """
        head = await _head(parts)
        manifest = parse_manifest(head.manifest, MANIFEST_FILE)
        files = [(MANIFEST_FILE, *await self._store_manifest(head.manifest))]
        files += await self._store_files(parts, manifest, self.max_bytes - len(head.manifest))
        digests = {name: digest for name, digest, _ in files}
        async with self.blobs.laid_out(digests) as folder:
            signature = await asyncio.to_thread(self.trust.verify, folder, head.author_signature, Role.AUTHOR)
        version = Version(
            name=manifest.name,
            version=manifest.version,
            asset_class=manifest.asset_class,
            digest=manifest.digests[MODEL_FILE],
            feature_hash=manifest.feature_hash,
            go=manifest.verdict is not None and manifest.verdict.go,
            manifest=head.manifest,
            files=tuple(files),
            author_signature=head.author_signature,
            author=signature.signer,
            author_key=signature.key,
            publisher=publisher,
            published=self.clock(),
        )
        return version, head.reason

    async def _store_manifest(self, raw: bytes) -> tuple[str, int]:
        digest = hashlib.sha256(raw).hexdigest()
        async with self.blobs.upload() as upload:
            await upload.write(raw)
            return digest, await upload.finish(digest)

    async def _store_files(
        self, parts: AsyncIterator[pb.PublishRequest], manifest: Manifest, room: int
    ) -> list[tuple[str, str, int]]:
        """Store the files one after the other, and return name, digest and size of each."""
        wanted = {name: digest for name, digest in manifest.digests.items() if name != MANIFEST_FILE}
        stored: list[tuple[str, str, int]] = []
        async with contextlib.AsyncExitStack() as stack:
            current, upload = "", None
            async for part in parts:
                chunk = part.chunk
                room -= len(chunk.data)
                if room < 0:
                    raise IntakeError(f"the bundle is larger than {self.max_bytes} bytes (see max_bundle_bytes)")
                if chunk.file != current:
                    stored += await _finished(current, upload, wanted)
                    current, upload = chunk.file, await self._begin(chunk.file, stored, wanted, stack)
                if upload:
                    await upload.write(chunk.data)
            stored += await _finished(current, upload, wanted)
        if missing := wanted.keys() - {name for name, *_ in stored}:
            raise IntakeError(f"the stream ended without {', '.join(sorted(missing))}: publish again")
        return stored

    async def _begin(
        self,
        name: str,
        stored: list[tuple[str, str, int]],
        wanted: dict[str, str],
        stack: contextlib.AsyncExitStack,
    ) -> Upload:
        if name not in wanted or any(name == known for known, *_ in stored):
            raise IntakeError(f"file {name!r} is not in the manifest, or comes twice")
        return await stack.enter_async_context(self.blobs.upload())


async def _head(parts: AsyncIterator[pb.PublishRequest]) -> pb.PublishRequest.Head:
    async for part in parts:
        if part.WhichOneof("part") == "head":
            return part.head
        break
    raise IntakeError("the first part must be the head: manifest and signature")


async def _finished(name: str, upload: Upload | None, wanted: dict[str, str]) -> list[tuple[str, str, int]]:
    return [(name, wanted[name], await upload.finish(wanted[name]))] if upload else []
