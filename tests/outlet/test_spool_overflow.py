"""A spool or a disk that is full: the policy decides, and nothing happens in silence."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.errors import DeliveryError
from andon.uns import Stage
from services.ingest.outlet.outlet import Outlet
from tests.outlet.rig import Rig

SMALL = 256 << 10


async def put_until(rig: Rig, outlet: Outlet, metric: str, **labels: str) -> asyncio.Task[None]:
    """Put frames until a metric is not 0; return the last put, which may be waiting."""
    while True:
        last = asyncio.create_task(outlet.put(Stage.RAW, rig.frames.make(100)))
        async with asyncio.timeout(10):
            while not last.done() and not rig.value(metric, **labels):
                await asyncio.wait((last,), timeout=0.02)
        if rig.value(metric, **labels):
            return last


def names(frames: list[Any]) -> set[str]:
    return {name for each in frames for name in each["id"]}


async def told(rig: Rig, kind: str) -> list[dict[str, str]]:
    return [event["attributes"] for event in await rig.arrived(Stage.EVENT) if event["kind"] == kind]


async def test_by_default_the_source_waits_until_kafka_is_back(rig: Rig) -> None:
    async with rig.outlet(max_bytes=SMALL) as outlet:
        last = await put_until(rig, outlet, "andon_spool_full")
        await asyncio.wait((last,), timeout=0.3)
        assert not last.done()
        await rig.cable.plug()
        await last
        await rig.until("andon_spool_frames", 0)
        await rig.until("andon_spool_full", 0)
    assert names(rig.frames.made) == {
        event["id"] for stage in (Stage.RAW, Stage.BACKFILL) for event in await rig.arrived(stage)
    }
    assert len(await told(rig, "spool_full")) == 1
    assert "limit" in (await told(rig, "spool_full"))[0]["reason"]


async def test_who_hands_over_what_nothing_takes_before_the_end_is_told_so(rig: Rig) -> None:
    async with rig.outlet(max_bytes=SMALL, patience="100ms") as outlet:
        last = await put_until(rig, outlet, "andon_spool_full")
    with pytest.raises(DeliveryError):
        await last


async def test_the_oldest_may_be_dropped_and_each_is_counted(rig: Rig) -> None:
    async with rig.outlet(max_bytes=SMALL, overflow="drop_oldest") as outlet:
        await (await put_until(rig, outlet, "andon_spool_dropped_total", policy="drop_oldest"))
        dropped = rig.value("andon_spool_dropped_total", policy="drop_oldest")
        await rig.cable.plug()
        await rig.until("andon_spool_frames", 0)
    arrived = [event["id"] for event in await rig.arrived(Stage.BACKFILL)]
    put = [name for frames in rig.frames.made for name in frames["id"]]
    assert set(arrived) == set(put[round(dropped) :])
    assert len(await told(rig, "spool_full")) == 1
    (drained,) = await told(rig, "spool_drained")
    assert drained == {"frames": str(len(arrived)), "dropped": str(round(dropped))}


async def test_the_newest_may_be_dropped_and_each_is_counted(rig: Rig) -> None:
    async with rig.outlet(max_bytes=SMALL, overflow="drop_newest") as outlet:
        await (await put_until(rig, outlet, "andon_spool_dropped_total", policy="drop_newest"))
        await rig.cable.plug()
        await rig.until("andon_spool_frames", 0)
    assert rig.value("andon_spool_dropped_total", policy="drop_newest") == 100
    assert {event["id"] for event in await rig.arrived(Stage.BACKFILL)} == names(rig.frames.made[:-1])


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a file system of a given size; skips the test where that is not allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_stops_the_source_until_there_is_room(rig: Rig) -> None:
    disk = rig.folder / "spool"
    with small_disk(disk, "256k"):
        async with rig.outlet() as outlet:
            last = await put_until(rig, outlet, "andon_spool_full")
            await asyncio.wait((last,), timeout=0.3)
            assert not last.done()
            await (await asyncio.create_subprocess_exec("mount", "-o", "remount,size=8m", disk)).wait()
            await last
            await rig.cable.plug()
            await rig.until("andon_spool_frames", 0)
    assert {event["id"] for event in await rig.arrived(Stage.BACKFILL)} == names(rig.frames.made)
    (full,) = await told(rig, "spool_full")
    assert "No space left" in full["reason"]


async def test_a_full_disk_does_not_keep_the_spool_from_being_drained(rig: Rig) -> None:
    with small_disk(rig.folder / "spool", "256k"):
        async with rig.outlet() as outlet:
            last = await put_until(rig, outlet, "andon_spool_full")
            await rig.cable.plug()
            await last
            await rig.until("andon_spool_frames", 0)
    assert names(rig.frames.made) == {
        event["id"] for stage in (Stage.RAW, Stage.BACKFILL) for event in await rig.arrived(stage)
    }
