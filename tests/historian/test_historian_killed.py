"""The historian as a process: killed in the middle of its work, started again, stopped as asked."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from andon.database import connect
from andon.settings import DatabaseSettings, KafkaSettings
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from tests.faults.processes import ASSETS, pump_frame, pumping_site
from tests.historian.test_historian_service import until
from tests.stream.bus import line, send

COUNT = 'SELECT count(*) FROM history."raw_pump"'


async def test_kill_and_stop_lose_and_double_nothing(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    dsn = database.dsn.get_secret_value() if database.dsn else ""
    own = {
        "DATABASE__DSN": dsn,
        "HISTORIAN__LAKE__DIRECTORY": str(tmp_path / "lake"),
        "HISTORIAN__FLUSH_RECORDS": "200",
    }
    async with pumping_site(kafka, site, tmp_path) as made, connect(database) as pool:
        made.extra.update({f"ANDON_{name}": value for name, value in own.items()})
        await ensure_topics(kafka, made.plant)
        lines = [line(pump_frame(asset, index)) for index in range(500) for asset in ASSETS]
        await send(kafka, topic_name(made.plant, Stage.RAW), lines)
        first = await made.start("historian")
        await until(pool, f"{COUNT} HAVING count(*) > 500", lambda count: count is not None)
        await first.kill()
        second = await made.start("historian")
        await until(pool, COUNT, lambda count: count == len(lines))
        assert await second.stop() == 0, second.log.read_text()
    kept = pl.read_parquet(tmp_path / "lake" / "raw")
    assert kept.height == kept.select("asset", "time").n_unique() == len(lines)
    assert {path.suffix for path in (tmp_path / "lake" / ".open").iterdir()} == {".lock"}
