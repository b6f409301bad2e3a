"""What people say over HTTP: refused with the reason, or taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from andon.connection import ServerTlsSettings, TlsSettings
from andon.errors import ConfigError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.authority import Authority
from services.alert.settings import ApiSettings
from tests.alert.alerting import (
    NAME,
    PAGE,
    PUMP,
    SHOWN,
    T0,
    alert,
    api,
    client,
    samples,
    send,
)
from tests.faults.processes import pumping_plant


@pytest.fixture
def plant(site: str) -> Plant:
    return Plant.model_validate(pumping_plant(site))


async def test_what_cannot_be_taken_is_refused_with_the_reason(kafka: KafkaSettings, plant: Plant) -> None:
    metrics = Metrics("alert")
    await ensure_topics(kafka, plant)
    await send(kafka, plant, Stage.ALERT, [alert()])
    good = {"alert": NAME, "verdict": "false", "author": "ben"}
    taken = {"author": "ben"}
    wrong: list[tuple[str, Any, int, str]] = [
        ("/feedback", b"{", 400, "no JSON"),
        ("/feedback", [good], 400, "must be a JSON object"),
        ("/feedback", good | {"action": "shelve"}, 400, "unknown fields action"),
        ("/feedback", good | {"verdict": "perhaps"}, 400, "verdict"),
        ("/feedback", {"alert": NAME, "author": "ben"}, 400, "needs a `verdict`"),
        ("/feedback", good | {"author": ""}, 400, "author"),
        ("/feedback", good | {"note": "x" * 20_000}, 413, "Too Large"),
        ("/feedback", good | {"alert": "pump-3"}, 400, "is no name of an alert"),
        ("/feedback", good | {"alert": f"line/pump-99@{T0}:alert"}, 404, "not in the plant model"),
        ("/feedback", good | {"alert": f"{PUMP}@{T0 + 1}:alert"}, 404, "there is no alert"),
        (f"/alerts/{NAME}/acknowledge", {}, 400, "author"),
        (f"/alerts/{NAME}/acknowledge", taken | {"alert": "x"}, 400, "unknown fields alert"),
        (f"/alerts/{NAME}/shelve", taken, 400, "needs `until`"),
        (f"/alerts/{NAME}/shelve", taken | {"for": "3h"}, 400, "2h at most"),
        (f"/alerts/{NAME}/shelve", taken | {"for": "long"}, 400, "is no duration"),
        ("/alerts", taken, 404, "Not Found"),
    ]
    async with api(kafka, plant, metrics, token="secret") as port, client(port) as post:
        for path, body, status, reason in wrong:
            answered, answer = await post(path, body)
            assert (answered, reason in answer["reason"]) == (status, True), (path, body, answered, answer)
        async with client(port, None) as stranger, client(port, "Secret") as guess:
            assert (await stranger("/feedback", good))[0] == (await guess("/feedback", good))[0] == 401
        assert (await post("/feedback", good))[0] == 202
    async with api(kafka, plant, metrics) as port, client(port) as post:
        status, answer = await post("/feedback", good)
        assert (status, "ANDON_ALERT__API__TOKEN" in answer["reason"]) == (403, True)
    refused = {one.labels["status"]: one.value for one in samples(metrics, "andon_feedback_refused_total", {})}
    assert refused == {"400": 12, "401": 2, "403": 1, "404": 3, "413": 1}
    away = kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9"})
    async with api(away, plant, metrics, token="secret") as port, client(port) as post:
        assert (await post("/feedback", good))[0] == 503


async def test_with_a_ca_only_its_clients_are_let_in_over_tls(
    kafka: KafkaSettings, plant: Plant, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    server, own = authority.issue("server"), authority.issue("client")
    tls = ServerTlsSettings(cert_file=server.cert, key_file=server.key, client_ca_file=authority.file)
    with_own = TlsSettings(enabled=True, ca_file=authority.file, cert_file=own.cert, key_file=own.key).context()
    without = TlsSettings(enabled=True, ca_file=authority.file).context()
    async with api(kafka, plant, Metrics("alert"), token="secret", tls=tls) as port, aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{port}/feedback"
        async with session.post(url, data=b"{}", ssl=with_own or True) as answer:
            assert answer.status == 401
        with pytest.raises(aiohttp.ClientError):
            await session.post(url, data=b"{}", ssl=without or True)


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        ({"cert_file": "a.pem"}, "go together"),
        ({"key_file": "a.key"}, "go together"),
        ({"client_ca_file": "ca.pem"}, "has no effect without TLS"),
    ],
)
def test_half_a_tls_is_refused(tls: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ServerTlsSettings.model_validate(tls)
    with pytest.raises(ConfigError, match="cannot be used"):
        ServerTlsSettings(cert_file=Path("no.pem"), key_file=Path("no.key")).context()


def test_without_tls_nobody_listens_by_accident() -> None:
    with pytest.raises(ValidationError, match="TLS needs"):
        ApiSettings(port=0)
    with pytest.raises(ValidationError, match="has no effect together"):
        ApiSettings(port=0, insecure=True, tls=ServerTlsSettings(cert_file=Path("a.pem"), key_file=Path("a.key")))


async def test_the_requests_of_the_page_are_taken(kafka: KafkaSettings, plant: Plant) -> None:
    await ensure_topics(kafka, plant)
    await send(kafka, plant, Stage.ALERT, [alert()])
    requests = re.findall(r"-d '(.*)' \\\s+https://[^/]+(/\S+)", PAGE.replace(SHOWN, NAME))
    assert len(requests) == PAGE.count("curl")
    async with api(kafka, plant, Metrics("alert"), token="secret") as port, client(port) as post:
        assert [(await post(path, body.encode()))[0] for body, path in requests] == [202] * len(requests)
