"""What the tests of the historian share: a small plant, frames, and an archive on a database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from andon.contracts import ContextFrame, Frame
from andon.database import connect, migrate
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.settings import DatabaseSettings
from andon.uns import Stage
from services.historian.archive import Archive, days_of, open_archive
from services.historian.rows import RECORD, encode_rows, frame_rows, newest

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUMP, FAN = "line/pump-1", "line/fan-1"
TAGS: Mapping[str, Any] = {
    "flow": {"unit": "m^3/h"},
    "starts": {"kind": "integer"},
    "running": {"kind": "boolean"},
    "mode": {"kind": "state", "states": ["auto", "hand"]},
    "wave": {"kind": "waveform", "unit": "mm/s"},
}


def plant(site: str = "north", tags: Mapping[str, Any] = TAGS, *, pumps: int = 2) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": site,
            "classes": {"pump": {"tags": tags}, "fan": {"tags": {"speed": {}}}},
            "assets": {f"line/pump-{n}": {"class": "pump"} for n in range(pumps)} | {FAN: {"class": "fan"}},
            "use_cases": [
                {"name": "stops", "asset_class": "pump", "owner": "upkeep", "kpi": "stops", "baseline": 4, "target": 1}
            ],
        }
    )


def values(index: int) -> dict[str, Any]:
    return {"flow": index / 8, "starts": index, "running": index % 2 == 0, "mode": "auto", "wave": None}


def frame(index: int, asset: str = PUMP, **changes: Any) -> dict[str, Any]:
    """A raw frame as it is on the bus."""
    time = T0 + index * SECOND
    return {
        "id": f"{asset}@{time}:raw:1",
        "asset": asset,
        "time": time,
        "ingest_time": time + 1_000,
        "session": "s",
        "sequence": index,
        "values": values(index) if asset != FAN else {"speed": float(index)},
        **changes,
    }


def context(index: int, asset: str = PUMP, version: str = "v1", **changes: Any) -> dict[str, Any]:
    """A context frame as it is on the bus."""
    return frame(index, asset) | {"asset_class": "pump", "plant": version, "units": {}, "limits": {}} | changes


def rows(model: Plant, stage: Stage, events: Iterable[Mapping[str, Any]], archive: Archive) -> pl.DataFrame:
    """Frames of pumps as rows of their table."""
    contract = ContextFrame if stage is Stage.CONTEXT else Frame
    schema = event_schema(contract, model.classes["pump"])
    made = pl.DataFrame([dict(event) for event in events], schema=schema).with_row_index(RECORD)
    return frame_rows(archive.tables[stage, "pump"], made, archive.asset_ids)


async def write(archive: Archive, stage: Stage, made: pl.DataFrame) -> int:
    table = archive.tables[stage, "pump"]
    kept = newest(table, made)
    return await archive.write(table, encode_rows(table, kept), days_of(kept))


@contextlib.asynccontextmanager
async def archive_of(database: DatabaseSettings, model: Plant) -> AsyncIterator[Archive]:
    async with connect(database) as pool:
        await migrate(pool)
        yield await open_archive(pool, model, NOW)
