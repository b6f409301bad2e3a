"""What the benches share: a broker, topics full of frames, processes of their own, and rates.

Whatever is measured runs in a process of its own; the process that drives the bench only asks the broker, ten times
a second, how far the output topics have grown. All systems of a comparison are measured in that same way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import polars as pl
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
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
from sandbox.broker import EmbeddedBroker, embedded_broker, free_port

_PLANT_FILE = "plant.yaml"
_SAMPLE_S = 0.1
_PUBLISH_ROWS = 20_000
console = Console(width=120)


class BenchError(AndonError):
    """What was to be measured did not get there."""


@dataclass(frozen=True, slots=True)
class Bus:
    """A broker for one bench, and a directory for logs and files."""

    broker: EmbeddedBroker
    directory: Path
    plant: Plant

    @property
    def kafka(self) -> KafkaSettings:
        """How clients of this bench reach the broker."""
        return self.broker.settings()

    @property
    def environment(self) -> dict[str, str]:
        """The same as `kafka`, for a process, and where the plant model is."""
        return self.broker.environment() | {
            "ANDON_PLANT": str(self.directory / _PLANT_FILE),
            "ANDON_TELEMETRY__LOG_LEVEL": "warning",
        }


@contextlib.contextmanager
def bus(plant: Mapping[str, object]) -> Iterator[Bus]:
    """Run a broker on a free port for the length of a `with` block, beside a file of the plant model *plant*."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as name:
        directory = Path(name)
        configure_logs("bench", level="warning", form="console")
        file = directory / _PLANT_FILE
        file.write_text(json.dumps(plant))  # JSON is YAML
        with embedded_broker(directory / "broker.log") as broker:
            yield Bus(broker, directory, load_plant(file))


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


class Child:
    """A process under measurement: ``python -m module``.

    Attributes:
        port: where it shows metrics and health, if it is a service.

    Args:
        bus: where it logs and which broker it finds in its environment.
        module: the module to run.
        arguments: of its command line.
        environment: variables beside the bus's.
    """

    def __init__(
        self, bus: Bus, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = module
        self.port = free_port()
        self._log = Path(tempfile.mkstemp(".log", f"{module}-", bus.directory)[1])
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={
                    **os.environ,
                    **bus.environment,
                    "ANDON_TELEMETRY__PORT": str(self.port),
                    **(environment or {}),
                },
                cwd=Path(__file__).parent.parent,
                stdout=out,
                stderr=out,
            )
        self._measured = psutil.Process(self._process.pid)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            BenchError: says how it ended and shows the end of its log.
        """
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-2_000:]
            raise BenchError(f"{self.name} ended with exit code {self._process.returncode}:\n{tail}")

    async def said(self, word: str, timeout_s: float = 60) -> list[str]:
        """Wait for *word* on its output and return the rest of that line, in pieces.

        Raises:
            BenchError: it ended, or did not say so in time.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for line in self._log.read_text(errors="replace").splitlines():
                _, found, rest = line.partition(f"{word} ")  # Faust's worker may print control characters before it
                if found:
                    return rest.split()
            self.check()
            await asyncio.sleep(_SAMPLE_S)
        raise BenchError(f"{self.name} has not said {word!r} after {timeout_s:.0f} s")

    async def ready(self, timeout_s: float = 60) -> None:
        """Wait until it, a service, has been assigned its partitions.

        Raises:
            BenchError: it ended, or was not ready in time.
        """
        async with aiohttp.ClientSession() as session:
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                self.check()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(_SAMPLE_S)
        raise BenchError(f"{self.name} is not ready after {timeout_s:.0f} s")

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        return int(self._measured.memory_info().rss)

    def stop(self) -> None:
        """End it, by force if it does not end within seconds."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def child(
    bus: Bus, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run a `Child` for the length of a `with` block."""
    running = Child(bus, module, arguments, environment)
    try:
        yield running
    finally:
        running.stop()


@dataclass(frozen=True, slots=True)
class Growth:
    """How a topic grew, sampled from its first record to its last.

    Attributes:
        seconds: when each sample was taken.
        records: how many records the topic held then.
        cpu_seconds: processor time that the measured processes had used by then.
    """

    seconds: list[float]
    records: list[int]
    cpu_seconds: list[float]

    def rate(self) -> float:
        """Return records per second, ramp excluded.

        Raises:
            BenchError: they came too fast for the samples.
        """
        start = self._steady
        taken = self.seconds[-1] - self.seconds[start]
        if taken < 10 * _SAMPLE_S:
            raise BenchError(f"{self.records[-1]} records came within {taken:.1f} s; more are needed for a rate")
        return (self.records[-1] - self.records[start]) / taken

    def cpu_us(self) -> float:
        """Return processor time per record in microseconds, ramp excluded."""
        start = self._steady
        used = self.cpu_seconds[-1] - self.cpu_seconds[start]
        return used / (self.records[-1] - self.records[start]) * 1e6

    @property
    def _steady(self) -> int:
        """Index of the first sample that counts: a tenth of the records is there."""
        return next(index for index, count in enumerate(self.records) if count >= 0.1 * self.records[-1])

    @property
    def window_s(self) -> float:
        """Seconds from the first record to the last."""
        return self.seconds[-1] - self.seconds[0]


async def watch_growth(
    kafka: KafkaSettings,
    topic: str,
    until: int,
    children: Sequence[Child],
    *,
    timeout_s: float = 120,
    sample_s: float = _SAMPLE_S,
) -> Growth:
    """Sample the size of *topic* until it holds *until* records.

    The embedded broker says where the newest batch begins, not where it ends, so sizes lag by up to a batch in each
    partition: the same for every sample, which leaves rates right, but the last records are never seen.

    Raises:
        BenchError: a child ended, or the records did not come in time.
    """
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), enable_auto_commit=False)
    await consumer.start()
    where = [TopicPartition(topic, number) for number in range(kafka.partitions)]
    grown = Growth([], [], [])
    size = 0
    begun = time.monotonic()
    try:
        while size < until:
            await asyncio.sleep(sample_s)
            for each in children:
                each.check()
            size = sum((await consumer.end_offsets(where)).values())
            if size:
                grown.seconds.append(time.monotonic())
                grown.records.append(size)
                grown.cpu_seconds.append(sum(each.cpu_seconds for each in children))
            if time.monotonic() - begun > timeout_s:
                raise BenchError(f"{topic} holds {size} of {until} records after {timeout_s:.0f} s")
    finally:
        await consumer.stop()
    return grown


#: The share of a topic that `watch_growth` can be sure to see.
VISIBLE = 0.95


def machine() -> str:
    """Describe the machine in a line."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Python {python}, load before {load:.1f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* for people; all columns but the first are numbers."""
    drawn = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index else "left")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)
    console.print(machine())


def result(name: str, **figures: float) -> None:
    """Print the last line, for programs: ``name key=value ...``, four significant digits."""
    print(name, *(f"{key}={value:.4g}" for key, value in figures.items()), flush=True)


def is_quick(description: str) -> bool:
    """Read the command line: whether ``--quick`` was given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="one short run, under 50 s")
    return bool(parser.parse_args().quick)
