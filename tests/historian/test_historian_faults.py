"""A database that goes away, and a disk that is full: records wait, nothing is lost, nothing else stands still."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

import aiohttp
import numpy as np
import polars as pl
import pytest

from andon.database import connect
from andon.settings import DatabaseSettings, KafkaSettings
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.database import embedded_database
from services.historian.lake.files import Files, NoRoomError
from services.historian.lake.merging import merge
from tests.historian.history import context, frame, plant
from tests.historian.test_historian_service import ROWS, historian, publish, settings, until, value


async def so(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def status(port: int, page: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/{page}") as answer:
        return answer.status


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own, whose parent other runs of pytest close to the database's user."""
    with tempfile.TemporaryDirectory(prefix="andon-") as name:
        yield Path(name) / "database"


@pytest.mark.skipif("ANDON_DATABASE__DSN" in os.environ, reason="stops and starts a server of its own")
async def test_records_wait_while_the_database_restarts(
    kafka: KafkaSettings, site: str, tmp_path: Path, folder: Path
) -> None:
    model, metrics = plant(site), Metrics("historian")
    await ensure_topics(kafka, model)
    await publish(kafka, model, Stage.RAW, *map(frame, range(500)))
    with embedded_database(folder) as dsn:
        database = DatabaseSettings.model_validate({"dsn": dsn, "timeout": "1s"})
        chosen = settings(kafka, database, tmp_path / "lake", flush_records=50)
        chosen = chosen.model_copy(update={"runtime": chosen.runtime.model_copy(update={"poll_records": 50})})
        running = historian(model, chosen, metrics)
        sink = await running.__aenter__()
        await so(lambda: value(metrics, "andon_records_read_total", stage="raw") > 0)
    await publish(kafka, model, Stage.RAW, *map(frame, range(500, 800)))
    await so(lambda: value(metrics, "andon_database_away") == 1)
    assert await status(sink.health.port, "healthz") == 200
    assert await status(sink.health.port, "readyz") == 503
    with embedded_database(folder):
        async with connect(database) as pool:
            await until(pool, ROWS, 800)
        await so(lambda: value(metrics, "andon_database_away") == 0)
        assert await status(sink.health.port, "readyz") == 200
        await running.__aexit__(None, None, None)


async def test_a_full_disk_stops_raw_frames_only_until_there_is_room(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, metrics, full = plant(site), Metrics("historian"), asyncio.Event()
    prepare = Files.prepare

    def prepare_if_room(self: Files, path: PurePath, write: Callable[[BinaryIO], object]) -> None:
        if full.is_set():
            raise NoRoomError(errno.ENOSPC, "No space left on device")
        prepare(self, path, write)

    monkeypatch.setattr(Files, "prepare", prepare_if_room)
    full.set()
    await ensure_topics(kafka, model)
    await publish(kafka, model, Stage.RAW, *map(frame, range(20)))
    async with connect(database) as pool, historian(model, settings(kafka, database, tmp_path), metrics) as sink:
        await so(lambda: value(metrics, "andon_lake_full") == 1)
        await publish(kafka, model, Stage.CONTEXT, *map(context, range(20)))
        await until(pool, 'SELECT count(*) FROM history."context_pump"', 20)
        assert await pool.fetchval(ROWS) == 0
        assert await status(sink.health.port, "healthz") == 200
        full.clear()
        await until(pool, ROWS, 20)
        assert value(metrics, "andon_lake_full") == 0
    assert pl.read_parquet(tmp_path / "raw").height == 20


def random_rows(count: int) -> pl.LazyFrame:
    """Return rows that no compression makes small."""
    values = np.random.default_rng(1).random(count)
    return pl.LazyFrame({"asset": "pump", "time": np.arange(count), "revision": 0, "tag_flow": values}).cast(
        {"time": pl.Datetime("us", "UTC")}
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
async def test_a_disk_that_is_really_full_is_told_from_one_that_is_broken(tmp_path: Path) -> None:
    mounted = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path))
    if await mounted.wait():
        pytest.skip("mounting is not allowed here")
    try:
        files, small, large = Files(tmp_path), PurePath("raw/a.arrow"), PurePath("raw/b.arrow")
        files.prepare(small, lambda out: out.write(b"x" * 10_000))
        with pytest.raises(NoRoomError):
            files.prepare(large, lambda out: out.write(b"x" * 100_000))
        with pytest.raises(NoRoomError):  # Polars tells of an error of its own
            files.prepare(large, lambda out: merge([random_rows(20_000)], 0, out, "zstd"))
        assert files.leftovers(PurePath("raw")) == [small], "what did not fit makes room again"
        files.publish(small)
        with pytest.raises(FileNotFoundError):
            files.publish(large)
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(tmp_path))).wait()
