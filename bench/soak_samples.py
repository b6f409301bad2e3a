"""What is sampled of each process in a soak, and how it is judged."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import yaml

from bench.chained import READ, Chain
from bench.child import Child
from bench.common import BenchError
from bench.trend import Trend, Verdict, judge, trend
from sandbox.monitor import Reading

_HELM_VALUES = Path(__file__).parent.parent / "helm" / "andon" / "values.yaml"
_MIB = 2**20
#: The first quarter is not judged: caches fill, and what a backlog has taken is given back.
_WARM_UP = 0.25


class Measure(StrEnum):
    """What is sampled."""

    MEMORY = "resident memory, MiB"
    FILES = "open files"
    THREADS = "threads"
    LAG = "lag, s"


#: What must not be reached within a day: the usual limit of open files, as many threads, a minute behind the input.
_LIMITS = {Measure.FILES: 1_024.0, Measure.THREADS: 1_024.0, Measure.LAG: 60.0}


@dataclass
class Samples:
    """What was sampled.

    Attributes:
        seconds: when, from the first sample on.
        figures: of each service and measure, at those times; NaN where a service did not answer.
        broker_mib: the embedded broker's memory.
    """

    seconds: list[float] = field(default_factory=list)
    figures: dict[tuple[str, Measure], list[float]] = field(default_factory=dict)
    broker_mib: list[float] = field(default_factory=list)

    @property
    def services(self) -> list[str]:
        """Names of what was sampled, in order."""
        return list(dict.fromkeys(service for service, _ in self.figures))

    @property
    def warm_up_s(self) -> float:
        """Seconds that are not judged."""
        return self.seconds[-1] * _WARM_UP

    def judged(self, service: str, measure: Measure) -> Trend:
        """Return the trend of a figure behind the warm-up."""
        known = [
            (second, value)
            for second, value in zip(self.seconds, self.figures[service, measure], strict=True)
            if second >= self.warm_up_s and not math.isnan(value)
        ]
        return trend(*zip(*known, strict=True))


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a figure of a service."""

    service: str
    measure: Measure
    trend: Trend
    limit: float

    @property
    def verdict(self) -> Verdict:
        """What the trend says of the limit."""
        return judge(self.trend, self.limit)


def findings(samples: Samples, memory: Mapping[str, float]) -> list[Finding]:
    """Judge all figures; *memory* is each service's limit in MiB."""
    return [
        Finding(service, measure, samples.judged(service, measure), _LIMITS.get(measure, memory[service]))
        for service, measure in samples.figures
    ]


def memory_limits(services: list[str]) -> dict[str, float]:
    """Return the memory that the Helm chart allows each service's pod, MiB."""
    values = yaml.safe_load(_HELM_VALUES.read_text())
    usual = values["defaults"]["resources"]["limits"]["memory"]
    own = {
        name: of.get("resources", {}).get("limits", {}).get("memory", usual) for name, of in values["services"].items()
    }
    return {name: _mib(own[name]) for name in services}


def _mib(quantity: str) -> float:
    number, unit = quantity[:-2], quantity[-2:]
    return float(number) * {"Mi": 1, "Gi": 1_024}[unit]


async def watch(chain: Chain, seconds: float, step_s: float, *, broker_limit_mib: float) -> Samples:
    """Sample all services every *step_s*.

    Raises:
        BenchError: a service ended, or the embedded broker, which forgets nothing, holds more than it may.
    """
    samples, read = Samples(), {name: list[float]() for name in chain.services}
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        readings = await chain.readings()
        samples.seconds.append(now)
        samples.broker_mib.append(chain.on.broker_bytes / _MIB)
        if samples.broker_mib[-1] > broker_limit_mib:
            raise BenchError(f"the broker holds {samples.broker_mib[-1]:,.0f} MiB after {now:.0f} s; lower --capacity")
        for name, service in chain.services.items():
            read[name].append(_told(readings[name], READ))
            for measure, value in _figures(service, readings[name]):
                samples.figures.setdefault((name, measure), []).append(value)
        await asyncio.sleep(step_s - (time.monotonic() - begun) % step_s)
    for name, counts in read.items():
        of = samples.figures[name, Measure.LAG]
        of[:] = [records / _per_second(samples.seconds, counts) for records in of]
    return samples


def _figures(service: Child, reading: Reading) -> Iterator[tuple[Measure, float]]:
    """Yield one sample of each figure; of the lag, in records."""
    yield Measure.MEMORY, service.resident_bytes / _MIB
    yield Measure.FILES, service.open_files
    yield Measure.THREADS, service.threads
    yield Measure.LAG, _told(reading, "andon_lag_records")


def _told(reading: Reading, metric: str) -> float:
    """Return a metric's total; NaN if the service has not answered."""
    return reading.total(metric) if reading.samples else math.nan


def _per_second(seconds: list[float], counts: list[float]) -> float:
    """Return records read per second over the whole time.

    Raises:
        BenchError: nothing was read.
    """
    known = [(second, count) for second, count in zip(seconds, counts, strict=True) if not math.isnan(count)]
    if len(known) < 2 or known[-1][1] <= known[0][1]:
        raise BenchError("a service has read nothing for the whole time")
    return (known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0])
