"""The OPC UA source against a real server that restarts, hangs, changes and says strange things."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from asyncua import ua

from andon.plant import Plant
from andon.telemetry import Metrics
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.opcua.source import OpcUaSource
from services.ingest.readings import Readings, Signals
from tests.opcua.plc import Plc, running_plc
from tests.opcua.plc_server import NAMESPACE

TAGS = ("flow", "power", "mode")
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {"pump": {"tags": {tag: {} for tag in TAGS}}},
        "assets": {"line/pump": {"class": "pump"}},
    }
)
SIGNALS = Signals(PLANT)
BAD, UNCERTAIN = 0x808C0000, 0x40920000
YEAR_1601 = -11_644_473_600_000_000


@dataclass
class Listening:
    """An intake that remembers, and a source that delivers to it."""

    metrics: Metrics
    batches: list[Readings] = field(default_factory=list)
    confirmed: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        self.batches.append(batch)
        self._changed.set()

    async def confirm(self, signals: Any, now: int) -> None:
        self.confirmed += 1
        self._changed.set()

    def expect(self, signals: Any, now: int) -> None:
        self._changed.set()

    async def until(self, holds: Callable[[], bool], timeout: float = 15) -> None:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def values(self, tag: str) -> list[Any]:
        number = SIGNALS.find("line/pump", tag)
        return [v for batch in self.batches for s, v in zip(batch.signals, batch.values, strict=True) if s == number]

    def newest(self, tag: str) -> tuple[Any, int | None, int | None, int]:
        """The last value of a tag with its times and status."""
        number = SIGNALS.find("line/pump", tag)
        rows = [
            row[1:]
            for batch in self.batches
            for row in zip(
                batch.signals, batch.values, batch.source_times, batch.server_times, batch.statuses, strict=True
            )
            if row[0] == number
        ]
        return rows[-1]

    async def told(self, tag: str, value: object) -> None:
        await self.until(lambda: value in self.values(tag))

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"service": "ingest", "source": "plc"}) or 0.0


def config(plc: Plc, **other: Any) -> OpcUaConfig:
    nodes = [{"node": f"nsu={NAMESPACE};s={tag}", "asset": "line/pump", "tag": tag} for tag in TAGS]
    return OpcUaConfig.model_validate(
        {
            "name": "plc",
            "kind": "opcua",
            "url": plc.url,
            "security": {"policy": "None"},
            "publishing": "50ms",
            "sampling": "0s",
            "keepalive": "300ms",
            "timeout": "2s",
            "select": {"nodes": nodes},
        }
        | other
    )


@contextlib.asynccontextmanager
async def listening(settings: OpcUaConfig) -> AsyncIterator[Listening]:
    """Run a source until the end of the block."""
    intake = Listening(Metrics("ingest"))
    task = asyncio.create_task(OpcUaSource(settings, SIGNALS, PLANT, intake.metrics).run(intake))  # type: ignore[arg-type]
    try:
        yield intake
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def plc() -> Any:
    with running_plc("--names", ",".join(TAGS)) as running:
        yield running


async def test_values_come_with_their_times_and_status_whatever_they_are(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("mode")) == 1)
        at = 1_700_000_000_123_456
        plc.write(("flow", 1.5, 0, at), ("power", None, BAD, at), ("mode", 7.0, UNCERTAIN, at))
        await intake.told("flow", 1.5)
        await intake.until(lambda: intake.newest("mode")[0] == 7.0)
        value, source_time, server_time, status = intake.newest("flow")
        assert (value, source_time, status) == (1.5, at, 0)
        assert server_time is not None
        assert server_time > at
        assert intake.newest("power")[::3] == (None, BAD)
        assert intake.newest("mode")[3] == UNCERTAIN
        plc.write(("flow", math.nan, 0, at + 1), ("mode", "hand", 0, at + 1))
        await intake.told("mode", "hand")
        assert math.isnan(intake.newest("flow")[0])
        plc.write(("flow", 2.5, 0, YEAR_1601))
        await intake.told("flow", 2.5)
        assert intake.newest("flow")[1] in (None, YEAR_1601)  # absurd as it is: framing decides what becomes of it
        assert intake.metric("andon_source_items") == 3


async def test_after_a_restart_fresh_values_come_once_each(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("flow")) == 1)
        for number in (1, 2, 3):
            plc.kill()
            plc.start()
            plc.write(("flow", 10.0 + number))
            await intake.told("flow", 10.0 + number)
            plc.write(("power", 20.0 + number))
            await intake.told("power", 20.0 + number)
            assert intake.values("power").count(20.0 + number) == 1
        assert intake.metric("andon_source_reconnects_total") >= 3
        assert intake.metric("andon_source_connected") == 1


async def test_a_server_that_hangs_without_closing_is_left_and_found_again(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("flow")) == 1)
        plc.pause()
        async with asyncio.timeout(10):
            while intake.metric("andon_source_connected"):
                await asyncio.sleep(0.05)
        plc.go_on()
        plc.write(("flow", 3.5))
        await intake.told("flow", 3.5)
        plc.write(("flow", 4.5))
        await intake.told("flow", 4.5)
        assert intake.values("flow").count(4.5) == 1


async def test_a_server_with_other_namespace_numbers_gives_the_same_signals(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("flow")) == 1)
        plc.kill()
        plc.start("--names", ",".join(reversed(TAGS)), "--before", "3")
        plc.write(("flow", 5.5), ("power", 6.5))
        await intake.told("power", 6.5)
        await intake.told("flow", 5.5)


async def test_requests_shrink_until_the_server_takes_them() -> None:
    with running_plc("--names", ",".join(TAGS), "--limit", "1") as plc:
        async with listening(config(plc)) as intake:
            await intake.until(lambda: all(intake.values(tag) for tag in TAGS))
            assert intake.metric("andon_source_items") == 3


async def test_one_bad_node_keeps_no_other_from_being_read(plc: Plc) -> None:
    plc.tell(drop="power")
    async with listening(config(plc)) as intake:
        plc.write(("flow", 8.5))
        await intake.told("flow", 8.5)
        assert intake.values("power") == []
        assert intake.metric("andon_source_findings") + intake.metric("andon_source_refused_items") == 1


async def test_changes_within_the_deadband_are_not_sent(plc: Plc) -> None:
    async with listening(config(plc, deadband=1.0)) as intake:
        await intake.until(lambda: len(intake.values("flow")) == 1)
        plc.write(("flow", 0.5))
        plc.write(("flow", 5.0))
        await intake.told("flow", 5.0)
        assert 0.5 not in intake.values("flow")


async def test_a_deadband_that_the_server_does_not_know_is_left_out_and_said() -> None:
    with running_plc("--names", ",".join(TAGS), "--no-percent") as plc:
        async with listening(config(plc, deadband_percent=5.0)) as intake:
            plc.write(("flow", 0.5))
            await intake.told("flow", 0.5)
            await intake.until(lambda: intake.metric("andon_source_unfiltered_items") == 3)
            assert intake.metric("andon_source_items") == 3


async def test_a_quiet_server_confirms_that_nothing_has_changed(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("flow")) == 1)
        before = intake.confirmed
        await intake.until(lambda: intake.confirmed >= before + 2)


async def test_what_was_delivered_before_a_lost_connection_is_not_delivered_again(plc: Plc) -> None:
    async with listening(config(plc)) as intake:
        await intake.until(lambda: len(intake.values("mode")) == 1)
        plc.write(("flow", 9.5))
        await intake.told("flow", 9.5)
        reconnects = intake.metric("andon_source_reconnects_total")
        plc.pause()
        async with asyncio.timeout(10):
            while intake.metric("andon_source_reconnects_total") == reconnects:
                await asyncio.sleep(0.05)
        plc.go_on()
        plc.write(("power", 1.25))
        await intake.told("power", 1.25)
        assert intake.values("flow").count(9.5) == 1


def test_the_status_codes_here_are_opc_uas() -> None:
    assert ua.StatusCode(ua.UInt32(BAD)).is_bad()
    assert ua.StatusCode(ua.UInt32(UNCERTAIN)).is_uncertain()
