"""The service as a process: killed between Kafka's acknowledgement and its own note of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import yaml

from andon.database import connect, migrate
from tests.mes.plant import content
from tests.mes.rig import Rig, orders, until

BATCH = 10


@contextlib.asynccontextmanager
async def process(rig: Rig) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service as its container does; it is killed at the end of the block."""
    (rig.folder / "plant.yaml").write_text(yaml.safe_dump(content(rig.plant.site)))
    environment = {
        "ANDON_PLANT": str(rig.folder / "plant.yaml"),
        "ANDON_MES__FILE": str(rig.write(rig.system(orders()))),
        "ANDON_MES__BATCH": str(BATCH),
        "ANDON_DATABASE__DSN": rig.database.dsn.get_secret_value() if rig.database.dsn else "",
        "ANDON_TELEMETRY__PORT": "0",
        "ANDON_KAFKA__BOOTSTRAP_SERVERS": rig.kafka.bootstrap_servers,
        "ANDON_KAFKA__IDEMPOTENT": str(rig.kafka.idempotent),
        "ANDON_KAFKA__PARTITIONS": str(rig.kafka.partitions),
    }
    with (rig.folder / "mes.log").open("ab") as log:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.mes"), env={**os.environ, **environment}, stdout=log, stderr=log
        )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def test_a_kill_between_sending_and_noting_loses_nothing_and_repeats_one_batch(rig: Rig) -> None:
    async with connect(rig.database) as database:
        await migrate(database)
        for number in range(3 * BATCH):
            await rig.mes.order(f"{number:02}")
        async with database.acquire() as blocking, blocking.transaction():
            await blocking.execute("LOCK TABLE andon.mes_told IN EXCLUSIVE MODE")  # notes can be read, not taken
            async with process(rig):
                await until(lambda: _count(rig, BATCH))
                await _waits_for_the_lock(blocking)
        assert len(await rig.names()) == BATCH
        async with process(rig) as running:
            await until(lambda: _count(rig, 4 * BATCH))
            await until(lambda: _stored(database, 3 * BATCH))
            running.terminate()
            assert await asyncio.wait_for(running.wait(), 10) == 0
    told = await rig.told()
    assert len(told) == 4 * BATCH
    assert {event["id"] for event in told} == {f"sap/order/{number:02}" for number in range(3 * BATCH)}
    assert len({str(event) for event in told}) == 3 * BATCH, "what is repeated is the same"


async def _count(rig: Rig, count: int) -> bool:
    return len(await rig.records()) >= count


async def _stored(database: asyncpg.Pool, count: int) -> bool:
    return bool(await database.fetchval("SELECT count(*) = $1 FROM andon.mes_told", count))


async def _waits_for_the_lock(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    async def waits() -> bool:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    await until(waits)
