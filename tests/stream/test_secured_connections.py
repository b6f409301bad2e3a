"""TLS against a real broker, and what is handed to Kafka's clients for TLS and SASL.

The embedded broker takes SCRAM logins only of users that somebody who is logged in has made, and keeps none of
them when it ends; so nobody can log in there, and SASL is tested up to what aiokafka and Faust are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from andon.errors import ConfigError
from andon.settings import KafkaSettings, SaslSettings, TlsSettings
from andon.stream.faust_app import credentials
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from sandbox.authority import Authority
from sandbox.broker import EmbeddedBroker, free_port

from .bus import frame, line, pass_through, plant, reading, send, settings, site_ready, stage_topic, working
from .tls import terminator

Connect = Callable[..., KafkaSettings]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker that sends clients to the port where a test listens for TLS."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker") / "broker.log", advertised_port=free_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "plant-ca")


@pytest.fixture
def connect(broker: EmbeddedBroker) -> Connect:
    """Makes settings that reach the broker over TLS."""

    def make(**tls: Any) -> KafkaSettings:
        short = {"session_timeout": "3s", "rebalance_timeout": "3s"}
        return KafkaSettings.model_validate(broker.settings().model_dump() | short | {"tls": {"enabled": True, **tls}})

    return make


async def test_a_worker_reads_and_writes_over_mutual_tls(
    broker: EmbeddedBroker, authority: Authority, connect: Connect, site: str
) -> None:
    model = plant(site)
    own = authority.issue("client", password="hush")
    kafka = connect(ca_file=authority.file, cert_file=own.cert, key_file=own.key, key_password="hush")
    async with terminator(broker.advertised_port, broker.port, authority.issue("broker"), clients=authority):
        await site_ready(kafka, model)
        await send(kafka, stage_topic(model, Stage.RAW), [line(frame(f"line/pump-{i % 8}", i)) for i in range(200)])
        async with (
            working(pass_through(), model, settings(kafka)),
            reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
        ):
            events = await out.events(200)
    assert {event["sequence"] for event in events} == set(range(200))


async def test_a_server_that_no_trusted_authority_vouches_for_is_refused(
    broker: EmbeddedBroker,
    authority: Authority,
    connect: Connect,
    site: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kafka = connect(ca_file=Authority(tmp_path / "other-ca").file)
    async with terminator(broker.advertised_port, broker.port, authority.issue("broker")):
        with pytest.raises(KafkaConnectionError, match=str(broker.advertised_port)):
            await ensure_topics(kafka, plant(site))
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


async def test_a_certificate_for_another_host_is_refused_unless_that_is_allowed(
    broker: EmbeddedBroker, authority: Authority, connect: Connect, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = authority.issue("broker", address="192.0.2.1")
    async with terminator(broker.advertised_port, broker.port, elsewhere):
        with pytest.raises(KafkaConnectionError):
            await ensure_topics(connect(ca_file=authority.file), plant(site))
        assert "IP address mismatch" in caplog.text
        await ensure_topics(connect(ca_file=authority.file, check_hostname=False), plant(site))


@pytest.mark.parametrize("signed_by", [None, "other-ca"])
async def test_a_client_that_cannot_prove_itself_is_refused(
    broker: EmbeddedBroker, authority: Authority, connect: Connect, site: str, tmp_path: Path, signed_by: str | None
) -> None:
    own = Authority(tmp_path / signed_by).issue("client") if signed_by else None
    files = {"cert_file": own.cert, "key_file": own.key} if own else {}
    async with terminator(broker.advertised_port, broker.port, authority.issue("broker"), clients=authority):
        with pytest.raises(KafkaConnectionError):
            await ensure_topics(connect(ca_file=authority.file, **files), plant(site))


PAIR = {"cert_file": "client.pem", "key_file": "client.key"}


@pytest.mark.parametrize(
    "values",
    [
        {"ca_file": "missing.pem"},
        {"ca_file": "empty.pem"},
        PAIR | {"cert_file": "missing.pem", "key_password": "hush"},
        PAIR | {"key_file": "missing.key", "key_password": "hush"},
        PAIR | {"key_file": "other.key"},
        PAIR | {"key_password": "guess"},
        PAIR,
    ],
)
def test_tls_files_that_cannot_be_used_are_named(authority: Authority, values: dict[str, str]) -> None:
    folder = authority.file.parent
    authority.issue("client", password="hush")
    authority.issue("other")
    (folder / "empty.pem").touch()
    files = {name: str(folder / value) for name, value in values.items() if name.endswith("_file")}
    with pytest.raises(ConfigError) as raised:
        KafkaSettings(tls=TlsSettings.model_validate({"enabled": True, **values, **files})).client_arguments()
    assert all(file in str(raised.value) for file in files.values())
    assert "guess" not in str(raised.value)


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_faust_is_told_the_same_as_every_other_client(mechanism: Any, encrypted: bool) -> None:
    login = {"mechanism": mechanism, "username": "andon", "password": "hush"} if mechanism else {}
    kafka = KafkaSettings(tls=TlsSettings(enabled=encrypted), sasl=SaslSettings.model_validate(login))
    given = kafka.client_arguments()
    faust = dict(credentials_to_aiokafka_auth(credentials(kafka)))
    for arguments in (given, faust):
        context = arguments.pop("ssl_context", None)
        assert (context is not None) == encrypted
    assert faust == {name: value for name, value in given.items() if name.startswith(("security", "sasl"))}
    assert faust.get("sasl_mechanism") == mechanism
    assert faust.get("sasl_plain_password") == ("hush" if mechanism else None)
    assert (
        faust["security_protocol"]
        == {
            (False, False): "PLAINTEXT",
            (False, True): "SSL",
            (True, False): "SASL_PLAINTEXT",
            (True, True): "SASL_SSL",
        }[mechanism is not None, encrypted]
    )
