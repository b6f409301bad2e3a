"""Reads the services' own metrics: what a screen or a report shows is what Prometheus would see."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import psutil
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Reading:
    """One service's metrics at one moment: sample name to its labelled values."""

    samples: Mapping[str, list[tuple[Mapping[str, str], float]]] = field(default_factory=dict)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of *name* that have these labels."""
        return sum(
            value
            for found, value in self.samples.get(name, ())
            if all(found.get(label) == wanted for label, wanted in labels.items())
        )

    def by(self, name: str, label: str) -> dict[str, float]:
        """Return the sums of *name* per value of one label."""
        sums: dict[str, float] = {}
        for found, value in self.samples.get(name, ()):
            sums[found.get(label, "")] = sums.get(found.get(label, ""), 0.0) + value
        return sums


def parse(text: str) -> Reading:
    """Parse Prometheus' text format."""
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Reading(samples)


async def scrape(ports: Mapping[str, int]) -> dict[str, Reading]:
    """Read all services at once; one that does not answer gives an empty reading."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        readings = await asyncio.gather(*(_scrape(session, port) for port in ports.values()))
    return dict(zip(ports, readings, strict=True))


async def _scrape(session: aiohttp.ClientSession, port: int) -> Reading:
    try:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            return parse(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return Reading()


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process, or None when it cannot be told."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
