"""What the benches share: a broker, topics full of frames, and how figures are shown."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from rich.console import Console
from rich.table import Table

from andon.errors import AndonError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.settings import KafkaSettings
from andon.stream.producer import BatchProducer
from andon.stream.publish import Publisher
from andon.telemetry import configure_logs
from sandbox.broker import EmbeddedBroker, embedded_broker

_PLANT_FILE = "plant.yaml"
_PUBLISH_ROWS = 20_000
_console = Console(width=120)


class BenchError(AndonError):
    """What was to be measured did not get there."""


@dataclass(frozen=True, slots=True)
class Bus:
    """A broker for one bench, and a directory for logs and files.

    Attributes:
        partitions: of each of its topics.
        compression: of all that is sent, by its name in `KafkaSettings`.
    """

    broker: EmbeddedBroker
    directory: Path
    plant: Plant
    partitions: int
    compression: str

    @property
    def kafka(self) -> KafkaSettings:
        """How clients of this bench reach the broker."""
        own = {"partitions": self.partitions, "compression": self.compression}
        return self.broker.settings().model_copy(update=own)

    @property
    def environment(self) -> dict[str, str]:
        """The same as `kafka`, for a process, and where the plant model is."""
        return self.broker.environment() | {
            "ANDON_KAFKA__PARTITIONS": str(self.partitions),
            "ANDON_KAFKA__COMPRESSION": self.compression,
            "ANDON_PLANT": str(self.directory / _PLANT_FILE),
            "ANDON_TELEMETRY__LOG_LEVEL": "warning",
        }

    @property
    def broker_bytes(self) -> int:
        """Memory that the broker holds now; it forgets nothing."""
        return int(psutil.Process(self.broker.pid).memory_info().rss)


@contextlib.contextmanager
def bus(plant: Mapping[str, object], *, partitions: int = 4, compression: str = "none") -> Iterator[Bus]:
    """Run a broker on a free port for the length of a `with` block, beside a file of the plant model *plant*."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as name:
        directory = Path(name)
        configure_logs("bench", level="warning", form="console")
        file = directory / _PLANT_FILE
        file.write_text(json.dumps(plant))  # JSON is YAML
        with embedded_broker(directory / "broker.log") as broker:
            yield Bus(broker, directory, load_plant(file), partitions, compression)


async def create_topics(kafka: KafkaSettings, *names: str) -> None:
    """Create topics with the benches' number of partitions."""
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, kafka.partitions, 1) for name in names])
    finally:
        await admin.close()


async def fill(kafka: KafkaSettings, topic: str, rows: Callable[[int, int], pl.DataFrame], count: int) -> None:
    """Publish *count* events; *rows* makes those from a number on, as many as the second argument says."""
    producer = BatchProducer(kafka)
    await producer.start()
    try:
        publisher = Publisher(producer, topic, kafka.partitions)
        for first in range(0, count, _PUBLISH_ROWS):
            await publisher.publish(rows(first, min(_PUBLISH_ROWS, count - first)))
    finally:
        await producer.stop()


def machine() -> str:
    """Describe the machine in a line."""
    cpus = Path("/proc/cpuinfo")
    described = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.split(":")[1].strip() for line in described if "model name" in line), platform.machine())
    memory = psutil.virtual_memory().total / 2**30
    python, load = platform.python_version(), os.getloadavg()[0]
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Python {python}, load average {load:.1f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* for people; all columns but the first are numbers."""
    drawn = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index else "left")
    for row in rows:
        drawn.add_row(*row)
    _console.print(drawn)
    _console.print(machine())


def result(name: str, **figures: float) -> None:
    """Print the last line, for programs: a JSON object of the bench's name and its figures, rounded."""
    rounded = {key: round(value) if value >= 1_000 else float(f"{value:.3g}") for key, value in figures.items()}
    print(json.dumps({"bench": name, **rounded}))


def is_quick(description: str) -> bool:
    """Read the command line: whether ``--quick`` was given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="one short run, under 50 s")
    return bool(parser.parse_args().quick)
