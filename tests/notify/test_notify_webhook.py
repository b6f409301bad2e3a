"""Bringing alerts to a webhook that fails in all the ways that servers do."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from andon.contracts import DeadLetterReason
from andon.errors import ConfigError
from andon.stream.codec import Consumed
from sandbox.authority import Authority
from sandbox.broker import free_port
from services.notify.answer import Later, Refused, Taken
from services.notify.config import WebhookConfig
from services.notify.courier import Courier, Parcel, Unsent
from services.notify.notification import trial
from services.notify.sinks.webhook import WebhookSink
from tests.notify.alerts import FAN, OTHER, PUMP, T0, parcel, plant
from tests.notify.receiver import drop, hang, receiving


def config(url: str, **other: Any) -> WebhookConfig:
    fields = {"name": "hook", "kind": "webhook", "url": url, "timeout": "300ms", "give_up_after": "20s"}
    return WebhookConfig.model_validate(fields | other)


@dataclass
class Hearing:
    """Hears what becomes of parcels."""

    took: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    gave_up: list[Unsent] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def taken(self, parcel: Parcel) -> None:
        self.took.append(parcel.notification.key)

    def later(self, parcel: Parcel, reason: str) -> None:
        self.retried.append(reason)
        self._changed.set()

    async def unsent(self, unsent: Unsent) -> None:
        self.gave_up.append(unsent)

    def done(self, record: Consumed) -> None:
        self.finished.append(record.offset)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await self._changed.wait()
                self._changed.clear()


@contextlib.asynccontextmanager
async def carrying(settings: WebhookConfig) -> AsyncIterator[tuple[Courier, Hearing]]:
    hearing = Hearing()
    async with WebhookSink(settings) as sink:
        courier = Courier(sink, settings, hearing, hearing.done, hearing.errors.append)
        try:
            yield courier, hearing
        finally:
            await courier.close(0)
    assert hearing.errors == []


async def test_changes_of_a_machine_arrive_in_order_and_those_of_others_beside_them() -> None:
    async with receiving() as receiver, carrying(config(receiver.url)) as (courier, hearing):
        for number in range(20):
            courier.put(parcel((PUMP, OTHER)[number % 2], number))
        await hearing.until(lambda: len(hearing.finished) == 20)
        for asset in (PUMP, OTHER):
            numbers = [int(key.partition("@")[2].partition(":")[0]) for key in receiver.asset_keys(asset)]
            assert len(numbers) == 10
            assert numbers == sorted(numbers)
        assert sorted(hearing.took) == sorted(receiver.keys)


async def test_a_machine_whose_alerts_are_not_taken_holds_up_no_other() -> None:
    async with receiving() as receiver, carrying(config(receiver.url, at_once=1)) as (courier, hearing):
        receiver.script[PUMP].extend([500] * 2)
        for number, asset in enumerate((PUMP, PUMP, OTHER, FAN)):
            courier.put(parcel(asset, number))
        await hearing.until(lambda: {2, 3} <= set(hearing.finished))
        assert hearing.finished == [2, 3]
        await hearing.until(lambda: len(hearing.finished) == 4)
        assert hearing.finished == [2, 3, 0, 1], "and its own keep their order"
        first, second = parcel(PUMP, 0), parcel(PUMP, 1)
        assert receiver.asset_keys(PUMP) == [first.notification.key] * 3 + [second.notification.key]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (500, "HTTP 500"),
        (503, "HTTP 503"),
        (408, "HTTP 408"),
        (hang, "does not answer in 0.3 s"),
        (drop, "ServerDisconnectedError"),
    ],
)
async def test_what_may_pass_is_tried_again_with_the_same_key(failure: Any, said: str) -> None:
    async with receiving() as receiver, carrying(config(receiver.url)) as (courier, hearing):
        receiver.script[None].append(failure)
        courier.put(parcel())
        await hearing.until(lambda: bool(hearing.finished))
        assert len(hearing.took) == 1
        assert len(receiver.keys) == 2
        assert len(set(receiver.keys)) == 1
        assert said in hearing.retried[0]


async def test_an_endpoint_that_is_not_there_yet_is_waited_for() -> None:
    port = free_port()
    async with carrying(config(f"http://127.0.0.1:{port}/hook")) as (courier, hearing):
        courier.put(parcel())
        await hearing.until(lambda: bool(hearing.retried))
        async with receiving(port=port) as receiver:
            await hearing.until(lambda: bool(hearing.finished))
            assert len(receiver.keys) == len(hearing.took) == 1


async def test_retry_after_holds_for_all_machines() -> None:
    async with receiving() as receiver, carrying(config(receiver.url)) as (courier, hearing):
        receiver.script[None].append(web.Response(status=429, headers={"Retry-After": "2"}))
        before = asyncio.get_running_loop().time()
        courier.put(parcel(PUMP, 0))
        await hearing.until(lambda: bool(hearing.retried))
        courier.put(parcel(OTHER, 1))
        await hearing.until(lambda: len(hearing.finished) == 2)
        assert asyncio.get_running_loop().time() - before >= 2
        assert len(receiver.keys) == 3, "nothing was tried meanwhile"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.Response(status=400, text="no\nsuch  field"), "HTTP 400: no such field"),
        (410, "HTTP 410"),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302: redirects are not followed"),
    ],
)
async def test_a_refusal_is_given_up_at_once_and_what_follows_goes_on(answer: Any, said: str) -> None:
    async with receiving() as receiver, carrying(config(receiver.url)) as (courier, hearing):
        receiver.script[None].append(answer)
        courier.put(parcel(PUMP, 0))
        courier.put(parcel(PUMP, 1))
        await hearing.until(lambda: len(hearing.finished) == 2)
        (unsent,) = hearing.gave_up
        assert (unsent.reason, len(receiver.keys)) == (DeadLetterReason.REFUSED, 2)
        assert unsent.detail.startswith(said)


async def test_a_dead_endpoint_is_given_up_after_the_time_that_is_set_the_last_attempt_at_its_end() -> None:
    async with receiving() as receiver, carrying(config(receiver.url, give_up_after="1s")) as (courier, hearing):
        receiver.always = 503
        before = asyncio.get_running_loop().time()
        for number in range(5):
            courier.put(parcel(PUMP, number))
        await hearing.until(lambda: len(hearing.finished) == 5)
        assert 1 <= asyncio.get_running_loop().time() - before < 3, "the time of those that wait runs, too"
        assert {each.reason for each in hearing.gave_up} == {DeadLetterReason.UNDELIVERED}
        assert hearing.gave_up[0].detail == "not taken in 1 s (give_up_after), at last: HTTP 503"
        assert len(set(receiver.keys)) == 5, "each is tried at least once"


async def test_closing_lets_a_running_attempt_end_and_starts_no_other() -> None:
    async with receiving() as receiver, carrying(config(receiver.url, timeout="5s", at_once=1)) as (courier, hearing):
        arrived, go = asyncio.Event(), asyncio.Event()

        async def slow(_: web.Request) -> web.Response:
            arrived.set()
            await go.wait()
            return web.Response()

        receiver.script[None].append(slow)
        courier.put(parcel(PUMP, 0))
        courier.put(parcel(PUMP, 1))
        courier.put(parcel(OTHER, 2))
        await arrived.wait()
        closing = asyncio.create_task(courier.close(5))
        await asyncio.sleep(0)
        go.set()
        await closing
        assert (hearing.finished, len(receiver.keys)) == ([0], 1)


async def test_secrets_are_sent_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "hook.secret").write_text("s3cret-key\n")
    (tmp_path / "token").write_text("Bearer t0ken\n")
    own = {"secret": {"file": tmp_path / "hook.secret"}, "authorization": {"file": tmp_path / "token"}}
    async with receiving() as receiver:
        settings = config(f"{receiver.url}?key=hidden", **own)
        receiver.script[None].append(
            lambda r: web.Response(status=400, text=f"bad {r.headers['Authorization']} s3cret-key")
        )
        async with WebhookSink(settings) as sink:
            answer = await sink.deliver(parcel().notification)
        assert answer == Refused("HTTP 400: bad *** ***")
        assert receiver.requests[0].headers["Authorization"] == "Bearer t0ken"
        assert "hidden" not in settings.address
        (tmp_path / "hook.secret").write_text("\n")
        with pytest.raises(ConfigError, match="is empty"):
            WebhookSink(settings)


async def test_an_endless_answer_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 10_000)
        return response

    async with receiving() as receiver, WebhookSink(config(receiver.url, timeout="10s")) as sink:
        receiver.script[None].append(endless)
        async with asyncio.timeout(5):
            answer = await sink.deliver(parcel().notification)
        assert isinstance(answer, Later)
        assert len(answer.reason) < 250


async def test_tls_is_verified_with_own_authorities(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("receiver")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.cert, pair.key)
    async with receiving(tls=server) as receiver:
        async with WebhookSink(config(receiver.url)) as sink:
            answer = await sink.deliver(parcel().notification)
            assert isinstance(answer, Later)
            assert "certificate" in answer.reason.lower()
        trusting = config(receiver.url, tls={"enabled": True, "ca_file": authority.file})
        async with WebhookSink(trusting) as sink:
            assert await sink.deliver(parcel().notification) == Taken()


async def test_a_test_says_that_it_is_one() -> None:
    async with receiving() as receiver, WebhookSink(config(receiver.url)) as sink:
        assert await sink.deliver(trial(plant(), T0)) == Taken()
        assert receiver.requests[0].headers["X-Andon-Test"] == "true"
        assert b'"test":true' in receiver.bodies[0]
