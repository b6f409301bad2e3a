from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua.ua import UaError
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from andon.errors import ConfigError
from andon.telemetry import Metrics, get_logger
from services.ingest.opcua.certificates import own_certificate
from services.ingest.opcua.refusals import explain
from services.ingest.opcua.security import SecureClient, secure
from services.ingest.opcua.security_config import Security
from services.ingest.opcua.trust import split_chain, why_untrusted
from tests.opcua.authority import DAY, Identity, identity, revocation_list
from tests.opcua.conftest import SECURED
from tests.opcua.vendor import running_vendor
from tests.opcua.vendor_server import PASSWORD

NOW = datetime.now(UTC)


@pytest.fixture
def folder(vendor_identity: Identity, tmp_path: Path, own: Path) -> Path:
    """A security folder that trusts the vendor's server."""
    vendor_identity.show(tmp_path / "trusted")
    shutil.copytree(own, tmp_path / "own")
    return tmp_path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    own_certificate(made, None, "edge-7", NOW)
    return made


@pytest.fixture
def user(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text(PASSWORD)
    return {"name": "andon", "password": {"file": str(tmp_path / "password")}}


async def connect(url: str, metrics: Metrics | None = None, **config: Any) -> None:
    """Connect and read a value."""
    client = SecureClient(url)
    security = Security.model_validate_json(json.dumps(config, default=str))
    await secure(client, security, source="line-1", metrics=metrics or Metrics("test"))
    async with client:
        assert await client.get_node("i=2259").read_value() == 0  # the server's state: running


async def refusal(url: str, **config: Any) -> str:
    with pytest.raises((ConfigError, UaError, OSError)) as refused:
        await connect(url, **config)
    return explain(refused.value)


@pytest.mark.parametrize(("policy", "mode"), [("None", "Sign"), *SECURED])
async def test_every_policy_connects_in_every_mode(secured_vendor: str, folder: Path, policy: str, mode: str) -> None:
    await connect(secured_vendor, policy=policy, mode=mode, folder=folder)


@pytest.mark.parametrize("policy", ["None", "Basic256Sha256"])
async def test_a_password_and_a_user_certificate_log_in(
    secured_vendor: str, folder: Path, user: dict[str, Any], policy: str
) -> None:
    await connect(secured_vendor, policy=policy, mode="Sign", folder=folder, user=user)
    file, key = identity("andon").write(folder, "user")
    await connect(
        secured_vendor, policy=policy, folder=folder, user_certificate={"cert_file": str(file), "key_file": str(key)}
    )


async def test_a_connection_without_security_is_told_of_loudly(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A new logger, because one that an earlier test has used keeps the form that it had then.
    monkeypatch.setattr("services.ingest.opcua.security._log", get_logger("test"))
    with capture_logs() as logs:
        await connect(vendor, policy="None")
    (told,) = [each for each in logs if each["event"] == "opcua_not_secured"]
    assert (told["log_level"], told["source"]) == ("warning", "line-1")


async def test_a_wrong_password_is_refused_in_plain_words(
    secured_vendor: str, folder: Path, user: dict[str, Any]
) -> None:
    (folder / "password").write_text("wrong")
    assert "the server refuses the login" in await refusal(secured_vendor, folder=folder, user=user)


async def test_a_password_is_not_sent_in_clear_unless_that_is_allowed(
    vendor: str, folder: Path, user: dict[str, Any]
) -> None:
    assert "would be sent in clear" in await refusal(vendor, policy="None", folder=folder, user=user)
    await connect(vendor, policy="None", folder=folder, user={**user, "in_clear": True})


async def test_a_password_is_not_sent_to_a_server_that_is_not_trusted(
    secured_vendor: str, folder: Path, user: dict[str, Any]
) -> None:
    shutil.rmtree(folder / "trusted")
    assert "is not trusted" in await refusal(secured_vendor, policy="None", folder=folder, user=user)


async def test_an_unknown_server_is_refused_until_its_certificate_is_moved_to_the_trusted(
    secured_vendor: str, folder: Path
) -> None:
    shutil.rmtree(folder / "trusted")
    told = await refusal(secured_vendor, folder=folder)
    (rejected,) = (folder / "rejected").iterdir()
    assert str(rejected) in told
    assert f"move it to {folder / 'trusted'}" in told
    (folder / "trusted").mkdir()
    rejected.rename(folder / "trusted" / rejected.name)
    await connect(secured_vendor, folder=folder)


async def test_any_server_is_believed_if_so_configured(secured_vendor: str, folder: Path) -> None:
    shutil.rmtree(folder / "trusted")
    await connect(secured_vendor, folder=folder, trust="any")


async def test_a_policy_that_is_not_offered_is_refused_with_what_is(vendor: str, folder: Path) -> None:
    told = await refusal(vendor, folder=folder)
    assert "does not offer Basic256Sha256 with SignAndEncrypt, but: None None" in told


async def test_a_server_that_does_not_know_andon_s_certificate_is_told_of(
    vendor_identity: Identity, folder: Path
) -> None:
    file, key = vendor_identity.write(folder / "server", "server")
    secured = ("--policies", "Basic256Sha256_SignAndEncrypt", "--certificate", file, "--key", key)
    with running_vendor(*secured, "--suspicious") as url:
        told = await refusal(url, folder=folder)
    assert told == (
        "the server refuses Andon's certificate (BadSecurityChecksFailed): "
        "let it trust own/andon.der of the security folder"
    )


async def test_nobody_there_is_told_in_plain_words(folder: Path) -> None:
    assert "no server there" in await refusal("opc.tcp://127.0.0.1:9", folder=folder)


async def test_the_application_certificate_is_made_once_and_its_expiry_is_a_metric(
    secured_vendor: str, folder: Path
) -> None:
    shutil.rmtree(folder / "own")
    metrics = Metrics("test")
    await connect(secured_vendor, metrics, folder=folder, application_uri="urn:edge-7:andon")
    key = folder / "own" / "andon.pem"
    before = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    await connect(secured_vendor, metrics, folder=folder)
    assert key.read_bytes() == before
    made = own_certificate(folder / "own", None, "other-host", NOW)
    assert made.uri == "urn:edge-7:andon"
    families = text_string_to_metric_families(metrics.exposition().decode())
    (sample,) = next(each for each in families if each.name == "andon_source_certificate_expiry_seconds").samples
    assert sample.value == made.expires.timestamp()
    assert sample.labels["source"] == "line-1"


def test_an_application_certificate_that_cannot_be_used_is_refused(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(own, folder)
    with pytest.raises(ConfigError, match="expired on"):
        own_certificate(folder, None, "edge-7", NOW + timedelta(days=6 * 365))
    with pytest.raises(ConfigError, match="is for urn:edge-7:andon:ingest: remove"):
        own_certificate(folder, "urn:other", "edge-7", NOW)
    identity("other").write(folder, "andon")[0].write_bytes((own / "andon.der").read_bytes())
    with pytest.raises(ConfigError, match="is not that of the certificate"):
        own_certificate(folder, None, "edge-7", NOW)
    (folder / "andon.pem").unlink()
    with pytest.raises(ConfigError, match="is not: bring it back"):
        own_certificate(folder, None, "edge-7", NOW)


async def test_a_user_certificate_with_another_key_is_refused(secured_vendor: str, folder: Path) -> None:
    (file, _), (_, key) = identity("andon").write(folder, "one"), identity("andon").write(folder, "two")
    login = {"cert_file": str(file), "key_file": str(key)}
    assert "is not that of the certificate" in await refusal(secured_vendor, folder=folder, user_certificate=login)


def test_a_ca_vouches_for_its_servers_at_their_host_until_it_revokes_them(tmp_path: Path) -> None:
    root = identity("Plant CA", host="")
    between = identity("Line CA", root, host="")
    server = identity("Server", between)
    stranger = identity("Server", identity("Plant CA", host=""))
    root.show(tmp_path)
    chain = [server.certificate, between.certificate]
    assert split_chain(server.encoded + between.encoded) == chain
    assert why_untrusted(chain, tmp_path, "127.0.0.1", NOW) is None
    assert "is for 127.0.0.1, not for 10.0.0.1" in str(why_untrusted(chain, tmp_path, "10.0.0.1", NOW))
    assert "neither it nor its issuer" in str(why_untrusted([stranger.certificate], tmp_path, "127.0.0.1", NOW))
    assert "renew it at the server" in str(why_untrusted(chain, tmp_path, "127.0.0.1", NOW + 11 * DAY))
    (tmp_path / "line.crl").write_bytes(revocation_list(between, server))
    assert "is revoked" in str(why_untrusted(chain, tmp_path, "127.0.0.1", NOW))


def test_a_trusted_server_is_no_ca(tmp_path: Path) -> None:
    trusted = identity("Server")
    trusted.show(tmp_path)
    issued = identity("Impostor", trusted)
    assert "is not trusted" in str(why_untrusted([issued.certificate], tmp_path, "127.0.0.1", NOW))


def test_a_folder_with_a_broken_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.der").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"broken\.der cannot be used"):
        why_untrusted([identity("Server").certificate], tmp_path, "127.0.0.1", NOW)
