"""Progress by a clock that the test moves, and the three pages over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from andon.telemetry import Health, Metrics, Progress


@dataclass
class Clock:
    """Seconds, moved by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def watched(timeout: float = 60) -> tuple[Progress, Clock]:
    clock = Clock()
    return Progress(timeout, clock), clock


def test_a_partition_with_lag_that_does_not_advance_is_stalled() -> None:
    progress, clock = watched()
    for clock.now in range(0, 61, 10):
        progress.note("3", position=100, lag=5)
        assert progress.stalled() == {}
    clock.now = 61
    assert progress.stalled() == {"3": 61}
    progress.note("3", position=101, lag=4)
    assert progress.stalled() == {}


def test_a_partition_without_lag_is_idle_and_never_stalled() -> None:
    progress, clock = watched()
    for clock.now in range(0, 1_000, 50):
        progress.note("3", position=100, lag=0)
        assert progress.stalled() == {}
        assert progress.age() == 0


def test_a_rewound_partition_advances_too() -> None:
    progress, clock = watched()
    progress.note("3", position=100, lag=5)
    clock.now = 50
    progress.note("3", position=10, lag=95)
    clock.now = 100
    assert progress.stalled() == {}


def test_one_slow_partition_among_fast_ones_is_found() -> None:
    progress, clock = watched()
    for clock.now in range(0, 100, 10):
        progress.note("slow", position=1, lag=9)
        progress.note("fast", position=int(clock.now), lag=9)
    assert set(progress.stalled()) == {"slow"}
    assert progress.age() == 90


def test_a_partition_that_was_given_away_is_not_waited_for() -> None:
    progress, clock = watched()
    progress.note("3", position=1, lag=9)
    progress.forget("3")
    clock.now = 1_000
    assert (progress.stalled(), progress.age()) == ({}, 0)


@dataclass
class Pages:
    """What a server answers."""

    session: aiohttp.ClientSession
    port: int

    async def get(self, path: str) -> tuple[int, str, str]:
        async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()


@contextlib.asynccontextmanager
async def serving(metrics: Metrics, progress: Progress, readiness: list[bool]) -> AsyncIterator[Pages]:
    health = Health(metrics, progress, ready=lambda: readiness[-1])
    await health.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            yield Pages(session, health.port)
    finally:
        await health.stop()


async def test_metrics_are_served_as_prometheus_reads_them() -> None:
    progress, clock = watched()
    metrics = Metrics("feature")
    metrics.count("andon_records_read_total", 3, stage="context")
    progress.note("0", position=1, lag=1)
    clock.now = 7
    async with serving(metrics, progress, [True]) as pages:
        status, kind, text = await pages.get("/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples = {sample.name: sample for one in text_string_to_metric_families(text) for sample in one.samples}
    assert samples["andon_records_read_total"].value == 3
    assert samples["andon_progress_age_seconds"].value == 7
    assert samples["andon_build_info"].labels["service"] == "feature"


async def test_health_follows_progress() -> None:
    progress, clock = watched()
    progress.note("2", position=1, lag=1)
    async with serving(Metrics("x"), progress, [True]) as pages:
        assert await pages.get("/healthz") == (200, "application/json", '{"status":"ok","stalled":{}}')
        clock.now = 61.25
        status, _, text = await pages.get("/healthz")
        assert (status, text) == (503, '{"status":"unavailable","stalled":{"2":61.2}}')
        progress.note("2", position=2, lag=0)
        assert (await pages.get("/healthz"))[0] == 200


async def test_readiness_follows_the_worker() -> None:
    readiness = [False]
    async with serving(Metrics("x"), watched()[0], readiness) as pages:
        assert (await pages.get("/readyz"))[::2] == (503, '{"status":"unavailable"}')
        readiness.append(True)
        assert (await pages.get("/readyz"))[::2] == (200, '{"status":"ok"}')
        assert (await pages.get("/"))[0] == 404
