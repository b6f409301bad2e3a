"""A plant whose pump has drifted: its lake, its reports, a trainer at work on it, and what it tells."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from andon.clock import wall_clock
from andon.contracts import DriftReport, Frame, ModelEvent
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.publish import new_lines
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from sandbox.broker import free_port
from sandbox.registry import RegistrySite
from services.historian.lake.files import Files
from services.historian.lake.lake import Lake, Pace
from services.trainer.retraining.requests import Periods, asked_by_person
from tests.stream.bus import send
from tests.trainer.pumps import plant_of_pumps

SECOND = 1_000_000
HOUR = 3_600 * SECOND
START = 1_767_225_600 * SECOND
PUMP, OTHER = "hall/a", "hall/b"
PERIODS = Periods(settling=0, history=24 * HOUR)
SHIFT = 4.0


STRICT = {
    "name": "stops",
    "asset_class": "pump",
    "owner": "us",
    "kpi": "stops",
    "baseline": 4,
    "target": 1,
    "criteria": {"min_recall": 0.9},
}


def plant_file(site: str, **drift: Any) -> dict[str, Any]:
    made = plant_of_pumps(PUMP, OTHER, site=site, drift=drift)
    made["classes"]["fan"], made["assets"]["hall/fan"] = {"tags": {"speed": {}}}, {"class": "fan"}
    return made


def plant(site: str = "north", **drift: Any) -> Plant:
    return Plant.model_validate(plant_file(site, **drift))


def pumping(start: int, rows: int, *, asset: str = PUMP, shift: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Frames of a pump, a second apart; *shift* is by how much its flow has drifted."""
    random = np.random.default_rng(seed)
    flow, pressure = random.normal(20 + shift, 1, rows), random.normal(3, 0.1, rows)
    values = pl.DataFrame({"flow": flow, "pressure": pressure}).to_struct("values")
    time = start + np.arange(rows) * SECOND
    return pl.DataFrame({"time": time}).select(pl.lit(asset).alias("asset"), "time", values)


def write_lake(folder: Path, model: Plant, *frames: pl.DataFrame) -> Path:
    """Put frames of pumps into a lake, as the historian does."""
    schema = event_schema(Frame, model.classes["pump"], without=("id",))
    rows = [
        {**row, "ingest_time": row["time"], "session": "s", "sequence": number}
        for number, row in enumerate(pl.concat(frames).iter_rows(named=True))
    ]
    lake = Lake(Files(folder), Pace(grace=0, idle_s=0.0))
    lake.append([("pump", pl.DataFrame(rows, schema=schema).with_columns(partition=pl.lit(3, pl.Int32)))], 0.0)
    lake.close_all()
    return folder


def report(time: int = START, asset: str = PUMP, **changes: Any) -> DriftReport:
    """Return what the drift service tells of a pump that has drifted since START."""
    told = {
        "id": f"{asset}@{time}:drift:5f0c9a41d2e7",
        "asset": asset,
        "time": time,
        "ingest_time": time,
        "asset_class": "pump",
        "definition": "5f0c9a41d2e7",
        "model": None,
        "state": "drift",
        "cause": "process_drift",
        "since": START,
        "retrain": "wanted",
        "message": "flow has risen",
    }
    return DriftReport.model_validate(told | changes)


def by_hand(reason: str = "new impeller", since: int = START) -> ModelEvent:
    return asked_by_person("pump", wall_clock(), since, "anna", reason)


def lines(*events: DriftReport | ModelEvent) -> list[Line]:
    keys = (event.asset if isinstance(event, DriftReport) else event.name for event in events)
    pairs = zip(keys, events, strict=True)
    return new_lines([(key.encode(), event.model_dump_json().encode()) for key, event in pairs])


@dataclass
class Office:
    """Where requests are made and answered."""

    plant: Plant
    kafka: KafkaSettings

    async def tell(self, *events: DriftReport | ModelEvent) -> None:
        for event in events:
            stage = Stage.DRIFT if isinstance(event, DriftReport) else Stage.MODEL
            await send(self.kafka, topic_name(self.plant, stage), lines(event))

    async def told(self) -> list[ModelEvent]:
        """Everything about requests that was told so far, in order, repeats included."""
        topic = topic_name(self.plant, Stage.MODEL)
        records = [record async for record in read_to_end(self.kafka, topic, range(self.kafka.partitions))]
        events = [ModelEvent.model_validate_json(record.value) for record in records]
        return [event for event in events if event.retrain is not None]

    async def outcomes(self, count: int) -> list[ModelEvent]:
        """Wait until so many requests are answered."""
        async with asyncio.timeout(60):
            while True:
                found = [event for event in await self.told() if event.action != "retrain_requested"]
                if len({event.id for event in found}) >= count:
                    return found
                await asyncio.sleep(0.1)


def environment(
    site: RegistrySite, kafka: KafkaSettings, folder: Path, model: dict[str, Any], **extra: str
) -> dict[str, str]:
    """Return what a trainer of *site* is given."""
    (folder / "plant.yaml").write_text(yaml.safe_dump(model))
    return {
        **site.client_environment("trainer"),
        "ANDON_PLANT": str(folder / "plant.yaml"),
        "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ANDON_KAFKA__IDEMPOTENT": str(kafka.idempotent),
        "ANDON_KAFKA__PARTITIONS": str(kafka.partitions),
        "ANDON_TELEMETRY__HOST": "127.0.0.1",
        "ANDON_TELEMETRY__PORT": str(free_port()),
        "ANDON_TRAINER__LAKE": str(folder / "lake"),
        "ANDON_TRAINER__WORK": str(folder / "work"),
        "ANDON_TRAINER__KEY": str(site.key("trainer")),
        "ANDON_TRAINER__SETTLING": "0s",
        "ANDON_TRAINER__WINDOWS": "200",
        "ANDON_TRAINER__LOOK_EVERY": "2s",
        **extra,
    }
