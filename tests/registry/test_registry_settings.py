"""A registry that is set up wrongly says what to correct; one without TLS says so loudly, and still asks who calls."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from andon.errors import ConfigError, RegistryError
from andon.registry.client import connected
from andon.registry.settings import RegistryClientSettings, RegistryTls
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings, read_settings
from andon.signing import generate_key
from andon.telemetry import Metrics
from sandbox.broker import free_port
from sandbox.registry import RegistrySite, make_registry_site
from services.registry.__main__ import run
from services.registry.identity import AUDIENCE
from services.registry.settings import RegistrySettings, ServiceSettings
from tests.models.sample import PLANT
from tests.registry.desk import answered, server_settings
from tests.stream.bus import at_work


@pytest.fixture
def site(tmp_path: Path) -> RegistrySite:
    return make_registry_site(tmp_path / "registry", free_port())


async def started(site: RegistrySite, database: DatabaseSettings, **changes: Any) -> None:
    """Start a registry that must not start."""
    own = server_settings(site, announce=False).model_copy(update=changes)
    settings = ServiceSettings(
        kafka=KafkaSettings(), database=database, telemetry=TelemetrySettings(host="127.0.0.1", port=0), registry=own
    )
    async with asyncio.timeout(20):
        await run(PLANT, settings, Metrics("registry"), asyncio.Event())


@pytest.mark.parametrize(
    ("file", "words"), [("access", "set ANDON_REGISTRY__ACCESS"), ("trust", "name the trust file")]
)
async def test_a_missing_file_is_named(
    site: RegistrySite, database: DatabaseSettings, file: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        await started(site, database, **{file: tmp_path / "nowhere.yaml"})


async def test_tls_files_that_are_not_there_are_named(site: RegistrySite, database: DatabaseSettings) -> None:
    (site.folder / "tls" / "registry.key").unlink()
    with pytest.raises(ConfigError, match=r"registry\.key"):
        await started(site, database)


async def test_an_address_that_is_taken_is_named(site: RegistrySite, database: DatabaseSettings) -> None:
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", site.port)
    async with other:
        with pytest.raises(ConfigError, match="cannot listen on"):
            await started(site, database)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "TLS needs"),
        ({"tls": {"cert_file": "a.pem"}}, "go together"),
        ({"insecure": True, "tls": {"cert_file": "a.pem", "key_file": "a.key"}}, "no effect together"),
        ({"insecure": True, "port": 70_000}, "less than or equal to 65535"),
        ({"insecure": True, "access": ""}, "set to nothing"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RegistrySettings.model_validate(values)


def test_a_setting_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_REGISTRY__PORT", "many")
    monkeypatch.setenv("ANDON_REGISTRY__INSECURE", "true")
    with pytest.raises(ConfigError, match="ANDON_REGISTRY__PORT"):
        read_settings(ServiceSettings)


async def test_without_tls_it_says_so_loudly_and_still_asks_who_calls(
    site: RegistrySite, database: DatabaseSettings, tmp_path: Path
) -> None:
    key = generate_key("idp", tmp_path)
    access = yaml.safe_load((site.folder / "access.yaml").read_text())
    access["token_keys"] = [{"name": "idp", "file": str(key.public)}]
    (site.folder / "access.yaml").write_text(yaml.safe_dump(access))
    own = RegistrySettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": site.port,
            "insecure": True,
            "announce": False,
            "blobs": site.folder / "blobs",
            "access": site.folder / "access.yaml",
            "trust": site.trust,
        }
    )
    settings = ServiceSettings(
        kafka=KafkaSettings(), database=database, telemetry=TelemetrySettings(host="127.0.0.1", port=0), registry=own
    )
    claims = {"sub": "clara", "iss": "idp", "aud": AUDIENCE, "exp": datetime.now(UTC) + timedelta(minutes=5)}
    token = jwt.encode(claims, key.private.read_bytes(), "ES256")
    plain = RegistryClientSettings(address=f"127.0.0.1:{site.port}", tls=RegistryTls(enabled=False))
    metrics = Metrics("registry")
    with capture_logs() as logs:
        async with at_work(lambda stop: run(PLANT, settings, metrics, stop)):
            async with connected(plain.model_copy(update={"token": SecretStr(token)})) as client:
                assert not (await answered(client)).models
            async with connected(plain) as client:
                with pytest.raises(RegistryError, match="no identity"):
                    await client.list()
    assert any(entry["log_level"] == "warning" and "INSECURE" in entry["event"] for entry in logs)
    assert 'andon_registry_insecure{service="registry"} 1.0' in metrics.exposition().decode()
