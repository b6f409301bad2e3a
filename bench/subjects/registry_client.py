"""A client of the registry in a process of its own: publishes or fetches one bundle, and says what memory that took.

Arguments: ``publish FOLDER KEY`` or ``fetch NAME VERSION``. Output: ``done EXTRA_BYTES SECONDS``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import psutil

from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient, connected
from andon.registry.settings import ClientSettings
from andon.settings import read_settings
from andon.signing import Role, Signer
from bench.child import peak_bytes


async def _publish(client: RegistryClient, folder: str, key: str) -> None:
    signature = await asyncio.to_thread(Signer.load(Path(key)).sign, Path(folder), Role.AUTHOR)
    await client.publish(Path(folder), signature, "to be measured")


async def _fetch(client: RegistryClient, cache: Path, name: str, version: str) -> None:
    await BundleCache(cache).bring((await client.list(name, version)).models[0], client)


async def _run(settings: ClientSettings, act: str, first: str, second: str) -> None:
    async with connected(settings.models.registry) as client:
        await client.list()  # the connection stands
        before, begun = psutil.Process().memory_info().rss, time.monotonic()
        if act == "publish":
            await _publish(client, first, second)
        else:
            await _fetch(client, settings.models.cache, first, second)
        print("done", peak_bytes(os.getpid()) - before, time.monotonic() - begun, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(read_settings(ClientSettings), *sys.argv[1:]))
