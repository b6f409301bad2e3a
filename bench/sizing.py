"""From measured factors to machines and disks of a company: pure arithmetic, every assumption a field.

``python -m bench.sizing --plants 100 --assets 1000 --tags 32`` does it for a company of yours.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from andon.contracts import CATALOGUE
from andon.uns import Stage

#: Stages whose volume grows with the machines.
STAGES = (Stage.RAW, Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE)
SERVICES = ("context", "feature", "inference", "alert", "historian")
MEASURED = Path(__file__).parent.parent / "docs" / "sizing.json"
_DAY_S = 86_400
_YEAR_DAYS = 365
#: Topics that hold the state of a service, beside those of the catalogue.
_CHANGELOGS = 3


class Factors(BaseModel):
    """What was measured, each of it by a bench.

    Attributes:
        frames_per_window: in a window of these measurements.
        cpu_us: service to (tags, microseconds of processor time), ascending: a frame for context, feature and
            historian, a window for inference and alert.
        memory_bytes: service to (assets, resident bytes of a process), ascending.
        kafka_bytes: stage to bytes a value, on one replica, not compressed. Of feature and inference: bytes a tag and
            window.
        database_bytes: the same in PostgreSQL without TimescaleDB, indexes included.
        lake_bytes: bytes a value in Parquet.
    """

    frames_per_window: int
    cpu_us: dict[str, list[tuple[float, float]]]
    memory_bytes: dict[str, list[tuple[float, float]]]
    kafka_bytes: dict[str, float]
    database_bytes: dict[str, float]
    lake_bytes: float


@dataclass(frozen=True, slots=True)
class Company:
    """What is to be sized; nothing of it is measured.

    Attributes:
        plants: sites, each with topics, services and a database of its own.
        assets: machines of each plant.
        tags: numbers of each machine.
        hz: frames of each machine a second.
        window_s: length of a feature window.
        head_room: cores and brokers there are for each that is busy.
        replication: copies of each record on the brokers.
        broker_mb_s: megabytes that a broker writes to disk a second, copies for others included.
        broker_partitions: copies of partitions that a broker holds.
        raw_days, context_days, feature_days, inference_days: how long PostgreSQL keeps a stage.
    """

    plants: int = 100
    assets: int = 1_000
    tags: int = 32
    hz: float = 1.0
    window_s: float = 10.0
    head_room: float = 2.0
    replication: int = 3
    broker_mb_s: float = 50.0
    broker_partitions: int = 4_000
    raw_days: int = 30
    context_days: int = 400
    feature_days: int = 90
    inference_days: int = 400

    @property
    def frames_per_s(self) -> float:
        """Of a plant."""
        return self.assets * self.hz

    @property
    def windows_per_s(self) -> float:
        """Of a plant."""
        return self.assets / self.window_s

    def events_per_s(self, stage: Stage) -> float:
        """Return the frames or windows of a plant."""
        return self.frames_per_s if stage in (Stage.RAW, Stage.CONTEXT) else self.windows_per_s

    def database_days(self, stage: Stage) -> int:
        """Return how long PostgreSQL keeps a stage, a year at most."""
        return min(int(getattr(self, f"{stage.value}_days")), _YEAR_DAYS)


@dataclass(frozen=True, slots=True)
class Size:
    """What a company needs. Of a plant: `cores`, `workers`, `memory_bytes` (by service) and `partitions` (of a topic).

    Of all plants: the rest; bytes on disk count all copies.
    """

    plants: int
    cores: Mapping[str, float]
    workers: Mapping[str, int]
    memory_bytes: Mapping[str, float]
    partitions: int
    frames_per_s: float
    values_per_s: float
    kafka_in_bytes_per_s: float
    kafka_out_bytes_per_s: float
    brokers: int
    kafka_bytes: float
    database_bytes_a_year: float
    lake_bytes_a_year: float

    @property
    def all_cores(self) -> float:
        """Cores of one plant, for all services."""
        return sum(self.cores.values())


def size(company: Company, factors: Factors) -> Size:
    """Return what a company needs, by factors that were measured."""
    cores = {name: company.head_room * _busy(company, factors, name) for name in SERVICES}
    workers = {name: max(1, math.ceil(needed)) for name, needed in cores.items()}
    memory = {name: workers[name] * between(factors.memory_bytes[name], company.assets) for name in SERVICES}
    partitions = max(8, 2 * max(workers.values()))
    taken = {stage: _bytes_per_s(company, factors.kafka_bytes, stage) for stage in STAGES}
    kept = {stage: _bytes_per_s(company, factors.database_bytes, stage) for stage in STAGES}
    into = sum(taken.values()) * company.plants
    return Size(
        plants=company.plants,
        cores=cores,
        workers=workers,
        memory_bytes=memory,
        partitions=partitions,
        frames_per_s=company.frames_per_s * company.plants,
        values_per_s=company.frames_per_s * company.tags * company.plants,
        kafka_in_bytes_per_s=into,
        kafka_out_bytes_per_s=company.plants * sum(len(CATALOGUE[stage].consumers) * taken[stage] for stage in STAGES),
        brokers=_brokers(company, into, partitions),
        kafka_bytes=company.plants * company.replication * sum(taken[stage] * _retention_s(stage) for stage in STAGES),
        database_bytes_a_year=company.plants
        * _DAY_S
        * sum(company.database_days(stage) * per_s for stage, per_s in kept.items()),
        lake_bytes_a_year=company.plants
        * company.frames_per_s
        * company.tags
        * factors.lake_bytes
        * _YEAR_DAYS
        * _DAY_S,
    )


def between(points: Sequence[tuple[float, float]], at: float) -> float:
    """Interpolate between measured points; beyond the last (the first) one the line through the two there goes on.

    Never below the smallest that was measured.
    """
    if len(points) == 1:
        return points[0][1]
    known = np.array(points, float)
    number = int(np.clip(np.searchsorted(known[:, 0], at), 1, len(points) - 1))
    (x0, y0), (x1, y1) = known[number - 1], known[number]
    return max(float(known[:, 1].min()), float(y0 + (at - x0) * (y1 - y0) / (x1 - x0)))


def _busy(company: Company, factors: Factors, service: str) -> float:
    """Return the cores that a service keeps busy at one plant."""
    per_s = company.windows_per_s if service in ("inference", "alert") else company.frames_per_s
    return per_s * between(factors.cpu_us[service], company.tags) / 1e6


def _bytes_per_s(company: Company, factor: Mapping[str, float], stage: Stage) -> float:
    return company.events_per_s(stage) * company.tags * factor[stage.value]


def _retention_s(stage: Stage) -> int:
    kept = CATALOGUE[stage].retention_s
    if kept is None:
        raise ValueError(f"{stage} is kept for ever")
    return kept


def _brokers(company: Company, into: float, partitions: int) -> int:
    """Return how many brokers write what comes in, hold the partitions, and have a copy of each on another one."""
    written = into * company.replication * company.head_room / (company.broker_mb_s * 1e6)
    copies = company.plants * (len(CATALOGUE) + _CHANGELOGS) * partitions * company.replication
    return max(company.replication, math.ceil(written), math.ceil(copies / company.broker_partitions))


def main() -> None:
    # What is printed is what the page shows, which is made of what is computed here.
    from bench.scale_page import company_rows, print_rows, read_measured

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for each in fields(Company):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(each.default), default=each.default)
    company = Company(**vars(parser.parse_args()))
    print_rows(company_rows([company], read_measured().factors()))


if __name__ == "__main__":
    main()
