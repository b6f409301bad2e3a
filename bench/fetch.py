"""A large bundle through the registry: what memory that takes on either side, with a cut in the middle of the fetch."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from andon.models import Bundle, make_bundle, save_bundle
from andon.models.bundle import MODEL_FILE
from bench.child import child
from bench.common import BenchError, Bus, bus, is_quick, result, table
from bench.desk import Desk, desk
from bench.frames import plant_document
from bench.vectors import Autoencoders, Vectors
from sandbox.cut import line_to

_MIB = 2**20
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of a bundle through the registry.

    Attributes:
        client: bytes that the client took beside what it held when it was connected.
        registry: bytes that the registry ever held beside what it held when nothing had happened.
        seconds: how long it took.
    """

    client: int
    registry: int
    seconds: float


async def _act(on: Bus, at: Desk, idle: int, environment: dict[str, str], *arguments: str) -> _Way:
    """Let a client do something in a process of its own."""
    with child(on, "bench.subjects.registry_client", arguments, environment) as client:
        extra, seconds = await client.said("done", timeout_s=_TIMEOUT_S)
    return _Way(int(extra), at.service.peak_bytes - idle, float(seconds))


async def _measure(on: Bus, size: int) -> tuple[_Way, _Way, int]:
    """Publish and fetch *size* bytes, and return with both ways the bytes that were fetched beyond those."""
    bundle = _bundle(on, size)
    folder, cache = save_bundle(bundle, on.directory / "published"), on.directory / "cache"
    async with desk(on) as at, line_to(at.site.port) as (port, line):
        idle = at.service.resident_bytes
        author, reader = at.site.client_environment("anna"), at.site.client_environment("inference", cache)
        published = await _act(on, at, idle, author, "publish", str(folder), str(at.site.key("anna")))
        line.down = size // 2
        cut = reader | {"ANDON_MODELS__REGISTRY__ADDRESS": f"127.0.0.1:{port}"}
        fetched = await _act(on, at, idle, cut, "fetch", bundle.manifest.name, bundle.manifest.version)
        _check(bundle, cache, line.cuts)
        return published, fetched, line.passed - size


def _bundle(on: Bus, size: int) -> Bundle:
    """Return a bundle of *size* bytes that are no graph: the registry builds none."""
    facts = Autoencoders(Vectors(on.plant), ()).facts
    return make_bundle(facts, np.random.default_rng(1).bytes(size), created=0)


def _check(bundle: Bundle, cache: Path, cuts: int) -> None:
    (graph,) = cache.rglob(MODEL_FILE)
    with graph.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != bundle.ref.digest:
            raise BenchError("what was fetched is not what was published")
    if cuts != 1:
        raise BenchError(f"the line was cut {cuts} times instead of once")


def main() -> None:
    size = (100 if is_quick(__doc__ or "") else 500) * 1_000_000
    with bus(plant_document()) as on:
        published, fetched, again = asyncio.run(_measure(on, size))
    table(
        f"A bundle of {size / 1e6:,.0f} MB, the line cut once in the middle of the fetch",
        ("", "client, extra MiB", "registry, extra MiB", "seconds"),
        [
            (name, f"{way.client / _MIB:.1f}", f"{way.registry / _MIB:.1f}", f"{way.seconds:.1f}")
            for name, way in (("publish", published), ("fetch", fetched))
        ],
    )
    worst = max(max(way.client, way.registry) for way in (published, fetched))
    result("fetch", extra_mib=worst / _MIB, fetched_twice_mib=again / _MIB, seconds=fetched.seconds)


if __name__ == "__main__":
    main()
