"""TLS and secrets look the same in every setting and every file, and no file that anybody may see can hold a secret."""

from __future__ import annotations

import ssl
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from andon.connection import ClientTls, ServerTlsSettings, TlsSettings
from andon.listener import ListenerSettings
from andon.secrets import NamedTls, SecretRef
from andon.settings import DatabaseSettings, Settings
from andon.settings_table import service_settings
from sandbox.authority import Authority
from services.alert.settings import ApiSettings
from services.ingest.sources import Sources
from services.mes.mapping import Mapping
from services.notify.config import Sinks
from services.registry.settings import RegistrySettings

#: Everything that is read from the environment, and every file of a service that may hold an address.
SETTINGS: list[type[BaseModel]] = [Settings, *service_settings().values()]
FILES: list[type[BaseModel]] = [Sources, Sinks, Mapping]
#: Words in the name of a field that holds a secret.
SECRET_WORDS = ("password", "token", "secret", "authorization", "dsn")


def fields(kind: type[BaseModel], seen: set[type] | None = None) -> Iterator[tuple[str, set[type]]]:
    """All fields of a model and of what it is made of: its path, and the types that its value may have."""
    seen = seen if seen is not None else set()
    for name, field in kind.model_fields.items():
        found = set(_types(field.annotation))
        yield f"{kind.__name__}.{name}", found
        for inner in found - seen:
            if issubclass(inner, BaseModel):
                seen.add(inner)
                yield from fields(inner, seen)


def _types(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _types(inner)


@pytest.mark.parametrize("kind", [*SETTINGS, *FILES])
def test_tls_has_one_shape(kind: type[BaseModel]) -> None:
    groups = [types for path, types in fields(kind) if path.rpartition(".")[2] == "tls"]
    assert all(len(types) == 1 for types in groups)
    shapes = {shape for types in groups for shape in types}
    assert all(issubclass(shape, (ClientTls, ServerTlsSettings)) for shape in shapes)
    clients = [shape for shape in shapes if issubclass(shape, ClientTls)]
    assert all(issubclass(shape, TlsSettings if kind in SETTINGS else NamedTls) for shape in clients)
    assert all(shape.model_fields.keys() == TlsSettings.model_fields.keys() for shape in clients)


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_secret_of_the_environment_is_of_the_masked_type(kind: type[BaseModel]) -> None:
    secret = {path: types for path, types in fields(kind) if any(word in path.lower() for word in SECRET_WORDS)}
    assert {path for path, types in secret.items() if SecretStr not in types and not _is_file(types)} == set()


@pytest.mark.parametrize("kind", FILES)
def test_files_say_where_secrets_are_and_never_hold_them(kind: type[BaseModel]) -> None:
    found = dict(fields(kind))
    assert {path for path, types in found.items() if SecretStr in types} == set()
    secret = {path for path in found if any(word in path.rpartition(".")[2].lower() for word in SECRET_WORDS)}
    assert secret
    assert {path for path in secret if SecretRef not in found[path]} == set()


def _is_file(types: set[type]) -> bool:
    return any(issubclass(each, (Path, BaseModel)) for each in types)


@pytest.mark.parametrize("kind", [ApiSettings, RegistrySettings])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"port": 0}, "TLS needs"),
        ({"port": 0, "insecure": True, "tls": {"cert_file": "a.pem", "key_file": "a.key"}}, "no effect together"),
        ({"port": 0, "tls": {"cert_file": "a.pem"}}, "go together"),
        ({"port": 0, "insecure": True, "tls": {"client_ca_file": "ca.pem"}}, "no effect without TLS"),
    ],
)
def test_what_listens_speaks_tls_or_says_that_it_does_not(
    kind: type[ListenerSettings], values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        kind.model_validate(values)
    kind.model_validate({"port": 0, "insecure": True})


@pytest.mark.parametrize("query", ["sslmode=require", "sslrootcert=ca.pem", "application_name=x&sslmode=disable"])
def test_tls_of_a_database_is_not_hidden_in_its_address(query: str) -> None:
    with pytest.raises(ValidationError, match="set `tls` beside it") as raised:
        DatabaseSettings.model_validate({"dsn": f"postgresql://andon:marker@db/andon?{query}"})
    assert "marker" not in str(raised.value)


def test_tls_is_1_2_or_newer_and_checks_who_the_other_is(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.issue("server")
    client = TlsSettings(enabled=True).context()
    server = ServerTlsSettings(cert_file=own.cert, key_file=own.key, client_ca_file=authority.file).context()
    assert client
    assert server
    assert client.check_hostname
    for context in (client, server):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_key_in_a_file_is_opened_by_a_password_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Authority(tmp_path / "ca").issue("client", password="marker")
    monkeypatch.setenv("KEY_PASSWORD", "marker")
    files = {"enabled": True, "cert_file": "client.pem", "key_file": "client.key"}
    tls = NamedTls.model_validate(
        files | {"key_password": {"env": "KEY_PASSWORD"}}, context={"folder": own.cert.parent}
    )
    assert tls.context()
    assert "marker" not in repr(tls)
