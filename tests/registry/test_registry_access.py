"""Whoever is not known, or has no role for it, gets nothing; over a connection that nobody else can read."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from andon.errors import ConfigError, RegistryError
from andon.registry.client import connected
from andon.registry.settings import RegistryClientSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings
from sandbox.authority import Authority
from sandbox.registry import RegistrySite, make_registry_site
from services.registry.access import Access, Holder, Role, TokenKey, load_access
from services.registry.identity import AUDIENCE, Tokens, UnknownCallerError, identify
from tests.registry.desk import NAME, registry

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(UTC)
CLAIMS = {"sub": "anna", "iss": "idp", "aud": AUDIENCE, "exp": NOW + timedelta(hours=1)}


def token(key: ec.EllipticCurvePrivateKey = KEY, **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "ES256")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    public = tmp_path / "idp.pub"
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return Access(
        identities=(Holder(name="anna", roles=frozenset({Role.AUTHOR})),),
        token_keys=(TokenKey(name="idp", file=public),),
    )


def test_a_signed_token_tells_who_calls(access: Access) -> None:
    header = [("authorization", f"Bearer {token()}")]
    assert identify(access, Tokens(access.token_keys), header, {}).name == "anna"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": NOW - timedelta(seconds=1)}, "expired"),
        ({"exp": None}, "exp"),
        ({"aud": "another-system"}, "[Aa]udience"),
        ({"iss": "elsewhere"}, "issuer 'elsewhere'"),
        ({"sub": "mallory"}, "not in the registry's access file"),
        ({"sub": None}, "sub"),
    ],
)
def test_a_token_that_is_not_for_this_caller_place_and_time_is_none(
    access: Access, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnknownCallerError, match=words):
        identify(access, Tokens(access.token_keys), [("authorization", f"Bearer {token(**changes)}")], {})


@pytest.mark.parametrize(
    "header",
    [
        "Bearer ",
        "Bearer nonsense",
        "Basic YW5uYTp4",
        f"Bearer {token(ec.generate_private_key(ec.SECP256R1()))}",
        "Bearer " + jwt.encode(CLAIMS, "", "none"),
        "Bearer " + jwt.encode(CLAIMS, "secret" * 8, "HS256"),
    ],
)
def test_a_token_that_nobody_trusted_signed_is_none(access: Access, header: str) -> None:
    with pytest.raises(UnknownCallerError):
        identify(access, Tokens(access.token_keys), [("authorization", header)], {"x509_common_name": [b"anna"]})


def test_roles_stand_in_the_access_file_and_never_in_a_token(access: Access) -> None:
    header = [("authorization", f"Bearer {token(roles=['approver'])}")]
    assert identify(access, Tokens(access.token_keys), header, {}).roles == {Role.AUTHOR}


def test_a_certificate_counts_by_its_common_or_alternative_name(access: Access) -> None:
    tokens = Tokens(())
    assert identify(access, tokens, [], {"x509_common_name": [b"anna"]}).name == "anna"
    assert identify(access, tokens, [], {"x509_subject_alternative_name": [b"127.0.0.1", b"anna"]}).name == "anna"
    with pytest.raises(UnknownCallerError, match="no identity"):
        identify(access, tokens, [], {})


def test_a_wrong_access_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "access.yaml"
    path.write_text("identities:\n  - {name: anna, roles: [authr]}\n  - {name: b, role: [viewer]}\n")
    with pytest.raises(ConfigError) as caught:
        load_access(path)
    message = str(caught.value)
    assert f"{path}:2: identities.0.roles" in message
    assert f"{path}:3: identities.1.role" in message


async def code_of(settings: RegistryClientSettings, act: str) -> str:
    calls = {
        "list": lambda client: client.list(),
        "approve": lambda client: client.approve(1, b"", "why"),
        "ask": lambda client: client.request_promotion(NAME, "v", pb.ALIAS_PRODUCTION, 1_000, "why"),
        "audit": lambda client: anext(client.audit()),
    }
    async with connected(settings) as client:
        with pytest.raises(RegistryError) as caught:
            await calls[act](client)
    return caught.value.code


def other_authority(site: RegistrySite, folder: Path) -> RegistryClientSettings:
    """Return settings of somebody who calls himself Boris, by an authority of his own."""
    forged = Authority(folder / "other").issue("boris")
    honest = site.client("boris")
    tls = honest.tls.model_copy(update={"cert_file": forged.cert, "key_file": forged.key})
    return honest.model_copy(update={"tls": tls})


def without_certificate(site: RegistrySite) -> RegistryClientSettings:
    honest = site.client("boris")
    return honest.model_copy(update={"tls": honest.tls.model_copy(update={"cert_file": None, "key_file": None})})


async def test_the_registry_denies_by_default(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        assert await code_of(site.client("anna"), "approve") == "PERMISSION_DENIED"
        assert await code_of(site.client("boris"), "ask") == "PERMISSION_DENIED"
        assert await code_of(site.client("inference"), "audit") == "PERMISSION_DENIED"
        assert await code_of(site.client("clara"), "ask") == "PERMISSION_DENIED"
        assert await code_of(site.client("registry"), "list") == "UNAUTHENTICATED", "known to TLS, not to the file"
        assert await code_of(other_authority(site, tmp_path), "list") == "UNAVAILABLE"
        assert await code_of(without_certificate(site), "list") == "UNAVAILABLE"
        plain = RegistryClientSettings(
            address=f"127.0.0.1:{site.port}", tls=site.client("boris").tls.model_copy(update={"enabled": False})
        )
        assert await code_of(plain, "list") == "UNAVAILABLE"
        bad = site.client("boris").model_copy(update={"token": SecretStr("nonsense")})
        assert await code_of(bad, "list") == "UNAUTHENTICATED"


async def test_certificates_are_renewed_while_the_registry_runs(database: DatabaseSettings, tmp_path: Path) -> None:
    async with registry(tmp_path, database) as site:
        before = site.client("clara")
        old = tmp_path / "old"
        shutil.copytree(site.folder / "tls", old)
        renewed = make_registry_site(tmp_path / "renewed", site.port)  # another authority altogether
        shutil.copytree(renewed.folder / "tls", site.folder / "tls", dirs_exist_ok=True)
        async with connected(site.client("clara")) as client:
            assert not (await client.list()).models
        files = {"ca_file": old / "ca.pem", "cert_file": old / "clara.pem", "key_file": old / "clara.key"}
        former = before.model_copy(update={"tls": before.tls.model_copy(update=files)})
        assert await code_of(former, "list") == "UNAVAILABLE"
