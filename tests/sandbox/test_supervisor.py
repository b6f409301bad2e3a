"""The supervisor watches real processes: it announces every restart and leaves nobody behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest

from sandbox.supervisor import OnFailure, Service, ServiceFailedError, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


def service(code: str, *, finishes: bool = False) -> Service:
    return Service("pump", (sys.executable, "-c", code), finishes=finishes)


class Heard(list[tuple[str, str]]):
    """What was said, and a way to wait for it."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))

    async def until(self, enough: Callable[[list[str]], bool]) -> list[str]:
        async with asyncio.timeout(30):
            while not enough([line for _, line in self]):
                await asyncio.sleep(0.02)
        return [line for _, line in self]


async def test_logs_come_with_the_service_s_name_and_stop_leaves_no_process() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    await supervisor.start(service(SLEEPER))
    await heard.until(lambda lines: "up" in lines)
    assert heard == [("pump", "up")]
    process = supervisor.services["pump"].process
    assert process is not None
    await supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_a_killed_service_is_announced_and_started_again() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    try:
        await supervisor.start(service(SLEEPER))
        await heard.until(lambda lines: "up" in lines)
        process = supervisor.services["pump"].process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        lines = await heard.until(lambda lines: lines.count("up") == 2)
    finally:
        await supervisor.stop()
    assert lines == ["up", "was killed by signal 9; restart 1 in 0.5 s", "up"]


async def test_what_a_person_must_correct_is_not_tried_again() -> None:
    supervisor = Supervisor(Heard())
    await supervisor.start(service("raise SystemExit(2)"))
    with pytest.raises(ServiceFailedError, match="pump ended with exit code 2"):
        await supervisor.finished("pump")
    await supervisor.stop()


async def test_a_run_whose_result_counts_hides_no_crash() -> None:
    supervisor = Supervisor(Heard(), OnFailure.STOP_ALL)
    await supervisor.start(service("raise SystemExit(1)"))
    with pytest.raises(ServiceFailedError, match="exit code 1"):
        await supervisor.finished("pump")
    await supervisor.stop()


async def test_a_service_that_finishes_has_finished_well_with_code_0() -> None:
    supervisor = Supervisor(Heard())
    await supervisor.start(service("print('done')", finishes=True))
    await supervisor.finished("pump")
    await supervisor.stop()
