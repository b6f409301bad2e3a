"""Where a stage's processor time goes: context, feature, inference and alert at work, sampled from outside.

py-spy looks at the Python threads of the running service a hundred times a second. It needs the right to do so: as
root, or with ``kernel.yama.ptrace_scope`` 0.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from andon.clock import SECOND, wall_clock
from andon.models import save_bundle
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, fill, machine, result, table
from bench.frames import MACHINES, RATE_HZ, frames, plant_document
from bench.model import served_from
from bench.page import markdown, write_section
from bench.stacks import PARTS, POLARS_THREADS, parts_of
from bench.vectors import Autoencoders, Vectors
from sandbox.monitor import scrape

_RATE_HZ = 100
_LAYERS = (64, 16, 64)


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the processor time of one stage went.

    Attributes:
        cpu_us: processor time for each record read, microseconds.
        shares: of `PARTS`; they add up to 1.
        samples: how many stacks were seen at work.
    """

    cpu_us: float
    shares: Mapping[str, float]
    samples: int


async def _profile(on: Bus, stage: str, seconds: int) -> Profile:
    """Sample a service that has its whole backlog before it."""
    with child(on, f"services.{stage}", environment=served_from(on.directory / "bundles")) as service:
        await _at_work(service)
        read, cpu, polars = await _read(service), service.cpu_seconds, service.cpu_seconds_of(POLARS_THREADS)
        found = parts_of(await asyncio.to_thread(_stacks, service.pid, seconds, on.directory))
        used = service.cpu_seconds - cpu
        hidden = (service.cpu_seconds_of(POLARS_THREADS) - polars) / used
        cpu_us = used / (await _read(service) - read) * 1e6
        await _finished(service)
    return Profile(cpu_us, _shares(found, hidden), found.total())


def _shares(found: Counter[str], hidden: float) -> dict[str, float]:
    """Return the parts' shares; py-spy does not see threads that are not Python's, which used the share *hidden*."""
    shares = {part: (1 - hidden) * found[part] / found.total() for part in PARTS}
    return shares | {POLARS_THREADS: hidden}


async def _read(service: Child) -> float:
    service.check()
    return (await scrape({service.name: service.port}))[service.name].total("andon_records_read_total")


async def _at_work(service: Child) -> None:
    """Return when the service has begun with its backlog."""
    await service.ready(timeout_s=180)
    while not await _read(service):  # noqa: ASYNC110 - it is another process that is waited for
        await asyncio.sleep(0.05)


async def _finished(service: Child) -> None:
    """Return when the service reads no more."""
    before, read = -1.0, await _read(service)
    while read > before:
        await asyncio.sleep(1)
        before, read = read, await _read(service)


def _stacks(pid: int, seconds: int, folder: Path) -> str:
    """Return the stacks that py-spy sees, with how often each.

    Raises:
        BenchError: it is not installed, or may not look.
    """
    file = folder / f"{pid}.stacks"
    spy = Path(sys.executable).with_name("py-spy")
    options = ("--rate", str(_RATE_HZ), "--duration", str(seconds), "--format", "raw", "--output", str(file))
    try:
        done = subprocess.run(
            [str(spy), "record", "--pid", str(pid), *options], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BenchError("py-spy is not installed: pip install 'andon[bench]'") from error
    if done.returncode:
        raise BenchError(f"py-spy cannot look into the service (as root it may): {done.stderr.strip()[-500:]}")
    return file.read_text()


async def _of_frames(count: int, seconds: int) -> dict[str, Profile]:
    """Profile the stages that read frames, one after the other, the second on what the first has written."""
    with bus(plant_document()) as on:
        await ensure_topics(on.kafka, on.plant)
        # Up to now: the context stage sets frames aside that are too old to be live.
        start = (wall_clock() // SECOND - count // (MACHINES * RATE_HZ) - 5) * SECOND
        made = partial(frames, on.plant, start=start)
        await fill(on.kafka, topic_name(on.plant, Stage.RAW), made, count)
        return {stage: await _profile(on, stage, seconds) for stage in ("context", "feature")}


async def _of_vectors(count: int, seconds: int) -> dict[str, Profile]:
    """Profile the stages that read windows, of which a frame's stage makes too few to be sampled for long."""
    with bus(plant_document()) as on:
        vectors = Vectors(on.plant)
        save_bundle(Autoencoders(vectors, _LAYERS).bundle(7, created=0), on.directory / "bundles")
        await ensure_topics(on.kafka, on.plant)
        await fill(on.kafka, topic_name(on.plant, Stage.FEATURE), vectors.events, count)
        return {stage: await _profile(on, stage, seconds) for stage in ("inference", "alert")}


def _rows(profiles: Mapping[str, Profile]) -> list[tuple[str, ...]]:
    whole = ("CPU us a record", *(f"{each.cpu_us:.1f}" for each in profiles.values()))
    return [whole, *(_row(part, profiles) for part in (*PARTS, POLARS_THREADS))]


def _row(part: str, profiles: Mapping[str, Profile]) -> tuple[str, ...]:
    name = "Polars' own threads" if part == POLARS_THREADS else part
    return (name, *(f"{each.shares[part]:.1%}" for each in profiles.values()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="shorter, under 60 s")
    form.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md, too")
    arguments = parser.parse_args()
    frames_read, vectors_read, seconds = (300_000, 100_000, 2) if arguments.quick else (900_000, 300_000, 6)
    profiles = asyncio.run(_of_frames(frames_read, seconds)) | asyncio.run(_of_vectors(vectors_read, seconds))
    columns = ("", *profiles)
    table("Processor time of each stage, by part", columns, _rows(profiles))
    if arguments.write:
        seen = ", ".join(f"{each.samples:,} of {stage}" for stage, each in profiles.items())
        write_section("profile", f"{machine()}. Stacks sampled: {seen}.\n\n{markdown(columns, _rows(profiles))}")
    result("profile", **{f"cpu_us_{stage}": each.cpu_us for stage, each in profiles.items()})


if __name__ == "__main__":
    main()
