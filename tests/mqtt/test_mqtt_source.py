"""The MQTT source on a real broker: versions, TLS, logins, sharing, and what a bounce may not cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from andon.telemetry import Metrics
from sandbox.authority import Authority
from sandbox.cut import line_to
from sandbox.mosquitto import Mosquitto, program
from services.ingest.mqtt.config import MqttConfig
from services.ingest.mqtt.source import MqttSource
from services.ingest.readings import Readings, Refusal
from tests.mqtt.amqtt_broker import Amqtt, amqtt
from tests.mqtt.test_mqtt_rules import PLANT, SIGNALS

needs_mosquitto = pytest.mark.skipif(program() is None, reason="Mosquitto is not installed")
RULE = {"topic": "plant/{line}/{machine}", "asset": "water/{line}/{machine}", "time": "/t", "time_format": "epoch_us"}
TOPIC = "plant/line-1/pump-1"


@dataclass
class Taking:
    """An intake that remembers; `safe` decides whether what it took is called safe."""

    metrics: Metrics
    batches: list[Readings] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    safe: bool = True
    waiting: list[Callable[[], None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        self.batches.append(batch)
        if on_safe and self.safe:
            on_safe()
        elif on_safe:
            self.waiting.append(on_safe)
        self._changed.set()

    async def refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)
        self._changed.set()

    def expect(self, signals: Any, now: int) -> None:
        self._changed.set()

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        self._changed.set()

    @property
    def values(self) -> list[Any]:
        return [value for batch in self.batches for value in batch.values]

    async def until(self, holds: Callable[[], bool], timeout: float = 15) -> None:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while not holds():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):  # metrics change without a word
                        await self._changed.wait()
                self._changed.clear()

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"service": "ingest", "source": "hall"}) or 0.0


def config(broker: Mosquitto | Amqtt, connection: dict[str, Any] | None = None, **other: Any) -> MqttConfig:
    reached = {"host": broker.host, "port": broker.port, "timeout": "1s"} | (connection or {})
    return MqttConfig.model_validate({"name": "hall", "kind": "mqtt", "broker": reached, "rules": [RULE]} | other)


@contextlib.asynccontextmanager
async def reading(settings: MqttConfig, *, connects: bool = True) -> AsyncIterator[Taking]:
    """Run a source until the end of the block; begin when it is connected, if it can be."""
    intake = Taking(Metrics("ingest"))
    task = asyncio.create_task(MqttSource(settings, SIGNALS, PLANT, intake.metrics).run(intake))  # type: ignore[arg-type]
    try:
        if connects:
            await intake.until(lambda: intake.metric("andon_source_connected") == 1)
        yield intake
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def body(value: float, time: int = 1_700_000_000_000_000) -> bytes:
    return json.dumps({"t": time, "flow": value}).encode()


async def publish(broker: Mosquitto | Amqtt, *messages: tuple[str, bytes], retain: bool = False) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        for topic, data in messages:
            await client.publish(topic, data, qos=1, retain=retain)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if program() is None:
        pytest.skip("Mosquitto is not installed")
    running = Mosquitto(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_messages_become_readings_in_both_versions_of_the_protocol(broker: Mosquitto, version: str) -> None:
    async with reading(config(broker, {"version": version})) as intake:
        await publish(broker, (TOPIC, body(1.5)), (TOPIC, body(2.5)))
        await intake.until(lambda: intake.values == [1.5, 2.5])
        assert intake.batches[0].source_times == [1_700_000_000_000_000]


async def test_messages_become_readings_on_another_broker_too(tmp_path: Path) -> None:
    with amqtt(tmp_path) as broker:
        async with reading(config(broker, {"version": "3.1.1"}), connects=True) as intake:
            await publish(broker, (TOPIC, body(1.5)), (TOPIC, b"{"), (TOPIC, body(2.5)))
            await intake.until(lambda: intake.values == [1.5, 2.5])
            assert [str(each.reason) for each in intake.refusals] == ["malformed"]


async def test_what_cannot_be_used_is_refused_with_its_bytes_once_a_topic_for_what_no_rule_fits(
    broker: Mosquitto,
) -> None:
    odd = {"topic": "plant/#", "asset": "water/line-1/pump-9", "time": "arrival"}
    async with reading(config(broker, rules=[RULE, odd], max_bytes=100)) as intake:
        big = body(1.0) + b" " * 100
        await publish(broker, (TOPIC, b"{"), (TOPIC, big), ("plant/x", b"{}"), ("plant/x", b"{}"), (TOPIC, body(1.0)))
        await intake.until(lambda: intake.values == [1.0])
        assert [(str(each.reason), each.address) for each in intake.refusals] == [
            ("malformed", TOPIC),
            ("too_large", TOPIC),
            ("unmapped", "plant/x"),
        ]
        assert intake.refusals[0].payload == b"{"
        assert intake.metric("andon_source_unmapped_total") == 2


async def test_a_retained_message_counts_only_if_it_says_when_it_was_measured(broker: Mosquitto) -> None:
    undated = {"topic": "now/{machine}", "asset": "water/line-1/{machine}", "time": "arrival"}
    await publish(broker, (TOPIC, body(4.5)), ("now/pump-1", b'{"flow": 7.5}'), retain=True)
    async with reading(config(broker, rules=[RULE, undated])) as intake:
        await intake.until(lambda: intake.values == [4.5] and intake.metric("andon_source_retained_total") == 1)
        await publish(broker, ("now/pump-1", b'{"flow": 8.5}'))
        await intake.until(lambda: 8.5 in intake.values)
        assert 7.5 not in intake.values


async def test_sources_that_share_a_subscription_take_each_message_once(broker: Mosquitto) -> None:
    async with (
        reading(config(broker, {"client_id": "one"}, share="ingest")) as one,
        reading(config(broker, {"client_id": "two"}, share="ingest")) as two,
    ):
        await publish(broker, *((TOPIC, body(float(number))) for number in range(40)))
        await one.until(lambda: len(one.values) + len(two.values) >= 40)
        assert sorted(one.values + two.values) == [float(number) for number in range(40)]
        assert one.values
        assert two.values


async def test_messages_of_a_source_that_was_away_wait_for_it(broker: Mosquitto) -> None:
    async with reading(config(broker)) as intake:
        await publish(broker, (TOPIC, body(1.0)))
        await intake.until(lambda: intake.values == [1.0])
    await publish(broker, (TOPIC, body(2.0)), (TOPIC, body(3.0)))
    async with reading(config(broker)) as intake:
        await intake.until(lambda: intake.values == [2.0, 3.0])


async def test_after_a_bounce_of_the_broker_every_message_comes_once(broker: Mosquitto) -> None:
    async with reading(config(broker)) as intake:
        broker.restart()
        await intake.until(lambda: intake.metric("andon_source_reconnects_total") >= 1)
        await intake.until(lambda: intake.metric("andon_source_connected") == 1)
        await publish(broker, *((TOPIC, body(float(number))) for number in range(10)))
        await intake.until(lambda: len(intake.values) >= 10)
        assert intake.values == [float(number) for number in range(10)]


async def test_what_is_not_safe_yet_is_sent_again_and_what_is_is_not(broker: Mosquitto) -> None:
    careful = config(broker, acknowledge="delivered")
    async with reading(careful) as intake:
        await publish(broker, (TOPIC, body(1.0)))
        await intake.until(lambda: intake.values == [1.0])
        intake.safe = False
        await publish(broker, (TOPIC, body(2.0)))
        await intake.until(lambda: intake.values == [1.0, 2.0])
    async with reading(careful) as intake:
        await publish(broker, (TOPIC, body(3.0)))
        await intake.until(lambda: 3.0 in intake.values)
        assert intake.values == [2.0, 3.0]


@needs_mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_is_sent_again_after_a_cut_while_it_is_under_way_counts_once(
    broker: Mosquitto, version: str
) -> None:
    async with line_to(broker.port) as (port, line):
        careful = config(broker, {"port": port, "version": version}, acknowledge="delivered")
        async with reading(careful) as intake:
            intake.safe = False
            await publish(broker, (TOPIC, body(1.0)), (TOPIC, body(2.0)))
            await intake.until(lambda: intake.values == [1.0, 2.0])
            line.cut()
            await intake.until(lambda: intake.metric("andon_source_duplicates_total") == 2)
            intake.waiting[0]()  # the first is safe; the broker hears it by the new connection
            await publish(broker, (TOPIC, body(3.0)))
            await intake.until(lambda: 3.0 in intake.values)
            line.cut()
            await intake.until(lambda: intake.metric("andon_source_duplicates_total") == 4)
            assert intake.values == [1.0, 2.0, 3.0]


def secured(folder: Path, authority: Authority, *lines: str) -> Mosquitto:
    """Return a broker that speaks TLS only."""
    pair = authority.issue("broker")
    tls = (f"cafile {authority.file}", f"certfile {pair.cert}", f"keyfile {pair.key}")
    return Mosquitto(folder, settings="\n".join((*tls, *lines)))


@needs_mosquitto
async def test_tls_proves_both_sides_and_an_unknown_broker_is_not_spoken_to(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "ca"), Authority(tmp_path / "stranger")
    own = authority.issue("andon")
    broker = secured(tmp_path, authority, "allow_anonymous true", "require_certificate true")
    broker.start()
    files = {"cert_file": str(own.cert), "key_file": str(own.key)}
    trusting = {"tls": {"enabled": True, "ca_file": str(authority.file)} | files}
    try:
        async with reading(config(broker, trusting)) as intake:
            assert intake.metric("andon_source_connected") == 1
        of_a_stranger = {"enabled": True, "ca_file": str(stranger.file)} | files
        without_proof = {"enabled": True, "ca_file": str(authority.file)}
        for wrong in (of_a_stranger, without_proof):
            async with reading(config(broker, {"tls": wrong}), connects=False) as intake:
                await intake.until(lambda: intake.metric("andon_source_reconnects_total") >= 2)
                assert intake.metric("andon_source_connected") == 0
    finally:
        broker.stop()


def password_file(folder: Path) -> Path:
    """Write a password file that lets andon in with 'right'."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    file = folder / "passwords"
    file.touch(mode=0o600)
    subprocess.run([tool, "-b", file, "andon", "right"], check=True, capture_output=True)
    return file


@needs_mosquitto
async def test_a_wrong_password_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Mosquitto(tmp_path, settings=f"allow_anonymous false\npassword_file {password_file(tmp_path)}")
    broker.start()
    login = {"username": "andon", "password": {"env": "HALL_PASSWORD"}}
    try:
        monkeypatch.setenv("HALL_PASSWORD", "wrong")
        async with reading(config(broker, login), connects=False) as intake:
            await intake.until(lambda: intake.metric("andon_source_reconnects_total") >= 2)
        monkeypatch.setenv("HALL_PASSWORD", "right")
        async with reading(config(broker, login)) as intake:
            assert intake.metric("andon_source_connected") == 1
    finally:
        broker.stop()
