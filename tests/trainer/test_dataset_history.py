"""Datasets from the historian's database: the same as from the lake, with what people said there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from andon.clock import to_datetime
from andon.contracts import Alert, Feedback, Frame
from andon.database import connect
from andon.errors import ConfigError, DatabaseError
from andon.history import read_history
from andon.lake import read_raw
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.settings import DatabaseSettings
from andon.uns import Stage
from services.historian.archive import Archive, days_of
from services.historian.lake.files import Files
from services.historian.lake.lake import Lake, Pace
from services.historian.rows import RECORD, document_rows, encode_rows, frame_rows, newest
from services.trainer.datasets.card import DatasetCard
from services.trainer.datasets.cli import app
from services.trainer.datasets.folder import load_dataset
from tests.historian.history import archive_of
from tests.trainer.test_dataset_build import PLANT_FILE, SECOND, at, frames, intervals, service

TAGS = {
    "flow": {"range": [0, 100]},
    "pressure": {},
    "running": {"kind": "boolean"},
    "starts": {"kind": "integer"},
    "mode": {"kind": "state", "states": ["auto", "hand"]},
    "wave": {"kind": "waveform"},
}
FILE: dict[str, Any] = PLANT_FILE | {"classes": {"pump": PLANT_FILE["classes"]["pump"] | {"tags": TAGS}}}
PLANT = Plant.model_validate(FILE)
PUMP = PLANT.classes["pump"]


def events(asset: str = "hall/a", seed: int = 0) -> list[dict[str, Any]]:
    """Raw frames with tags of every kind; some samples are missing, some are bad by their source."""
    return [
        {
            "id": str(number),
            "asset": asset,
            "time": row["time"],
            "ingest_time": row["time"],
            "session": "s",
            "sequence": number,
            "values": row["values"]
            | {
                "running": None if number % 7 == 0 else number % 3 == 0,
                "starts": number,
                "mode": "auto, hand"[: number % 5],
            }
            | {"wave": {"rate_hz": 10.0, "samples": [number / 7, 1e-9]} if number % 50 == 0 else None},
            "status": {"flow": 0x80000000} if 200 <= number < 230 else None,
        }
        for number, row in enumerate(frames(asset, seed).iter_rows(named=True))
    ]


def raw(found: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(found, schema=event_schema(Frame, PUMP))


def write_lake(folder: Path, rows: pl.DataFrame) -> Path:
    lake = Lake(Files(folder), Pace(grace=0, idle_s=0.0))
    lake.append([("pump", rows.drop("id").with_columns(partition=pl.lit(3, pl.Int32)))], 0.0)
    lake.close_all()
    return folder


async def write_history(archive: Archive, rows: pl.DataFrame) -> None:
    table = archive.tables[Stage.RAW, "pump"]
    made = newest(table, frame_rows(table, rows.with_row_index(RECORD), archive.asset_ids))
    await archive.write(table, encode_rows(table, made), days_of(made))


async def judge(archive: Archive, alert: str, verdict: str, since: int, resolved: int) -> None:
    """Let an alert of hall/a open and be resolved, and let Anna say what she thinks of it."""
    event = {"asset": "hall/a", "ingest_time": since, "alert": alert, "since": since, "opened": since + SECOND}
    opened = event | {"id": f"{alert}-1", "time": since + SECOND, "state": "open"}
    await write_documents(
        archive, Alert, Stage.ALERT, [opened, opened | {"id": f"{alert}-2", "time": resolved, "state": "resolved"}]
    )
    said = event | {"id": alert, "time": since + 9 * SECOND, "action": "verdict", "verdict": verdict, "author": "anna"}
    await write_documents(archive, Feedback, Stage.FEEDBACK, [said])


async def write_documents(archive: Archive, event: type[BaseModel], stage: Stage, found: list[dict[str, Any]]) -> None:
    table, schema = archive.tables[stage, None], event_schema(event, PUMP)
    made = pl.DataFrame([each | {"asset_class": "pump"} for each in found], schema=schema).with_row_index(RECORD)
    rows = document_rows(table, made, archive.asset_ids, [b"{}"] * len(found))
    await archive.write(table, encode_rows(table, rows), days_of(rows))


async def build(folder: Path, database: DatabaseSettings, *options: object) -> Result:
    assert database.dsn is not None
    runner = CliRunner(env={"ANDON_DATABASE__DSN": database.dsn.get_secret_value()})
    given = ["build", "--plant", folder / "plant.yaml", "--output", folder / "sets", *options]
    return await asyncio.to_thread(runner.invoke, app, [str(each) for each in given])


def card(folder: Path) -> DatasetCard:
    (path,) = (folder / "sets").iterdir()
    return load_dataset(path).card


async def test_history_and_lake_give_the_same_frames_and_the_same_dataset(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(FILE))
    rows = raw([*events(), *events("hall/b", 1)])
    lake = write_lake(tmp_path / "lake", rows)
    async with archive_of(database, PLANT) as archive, connect(database) as pool:
        await write_history(archive, rows)
        for span in ({"since": None, "until": None}, {"since": at(100), "until": at(900)}):
            found = await read_history(pool, "pump", PUMP, **span)
            assert found.equals(read_raw(lake, "pump", PUMP, **span))
            assert found.height > 1_500
    intervals(("hall/a", 900, 950), ("hall/b", 300, 320)).write_csv(tmp_path / "labels.csv")
    labels = "--labels", tmp_path / "labels.csv"
    (tmp_path / "events.jsonl").write_text(service(400, 500).model_dump_json() + "\n")
    told = "--events", tmp_path / "events.jsonl"
    done = await build(tmp_path, database, "--lake", lake, *labels, *told)
    assert done.exit_code == 0, done.output
    of_lake = card(tmp_path)
    done = await build(tmp_path, database, "--historian", *labels, *told)
    assert done.exit_code == 0, done.output
    of_history = card(tmp_path)  # in the same folder, for its content is the same
    assert of_history == of_lake.model_copy(update={"source": "history"})
    assert of_history.left_out["maintenance"] > 15


async def test_the_database_knows_the_plant_and_what_people_said_of_alerts(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(FILE))
    seal = service(400, 500)
    async with archive_of(database, PLANT) as archive, connect(database) as pool:
        await write_history(archive, raw(events()))
        await pool.execute(
            "SELECT andon.tell($1, $2, $3, $4, $5, $6)",
            *(seal.id, seal.kind, seal.asset, seal.name, to_datetime(seal.time), to_datetime(seal.end or 0)),
        )
        await judge(archive, "pitted", "real", at(300), at(350))
        await judge(archive, "leak", "real", at(910), at(950))
        await judge(archive, "nothing", "false", at(600), at(700))
    done = await build(tmp_path, database, "--historian", "--feedback")
    assert done.exit_code == 0, done.output
    told = card(tmp_path)
    assert told.labelled
    assert told.left_out["maintenance"] > 15
    (path,) = (tmp_path / "sets").iterdir()
    parts = load_dataset(path).parts
    abnormal = parts["test"].filter("abnormal")["time"]
    assert (abnormal.min(), abnormal.max()) == (at(905), at(950))  # from the window's begin, ten seconds before
    learned = pl.concat([parts["train"], parts["calibration"]])
    assert learned.filter(pl.col("start") < at(350), pl.col("time") > at(290)).is_empty()
    assert not learned.filter(pl.col("start") >= at(600), pl.col("time") <= at(700)).is_empty()


async def test_what_is_wrong_with_the_database_is_said(database: DatabaseSettings, tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(FILE))
    empty = await build(tmp_path, database, "--historian")
    assert isinstance(empty.exception, ConfigError)
    assert "start the historian on it first" in str(empty.exception)
    away = DatabaseSettings.model_validate({"dsn": "postgresql://nobody@127.0.0.1:1/none"})
    assert isinstance((await build(tmp_path, away, "--historian")).exception, DatabaseError)
    for options, words in (
        (("--historian", "--lake", tmp_path), "give one of --recording, --lake and --historian"),
        (("--lake", tmp_path, "--feedback"), "--feedback is not for this source"),
        (("--historian", "--label", "x"), "--label is not for this source"),
    ):
        assert words in str((await build(tmp_path, database, *options)).exception)
    async with archive_of(database, PLANT):
        nothing = await build(tmp_path, database, "--historian")
        assert nothing.exit_code == 2, json.dumps(nothing.output)
