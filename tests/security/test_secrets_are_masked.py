"""A secret that is put everywhere is shown nowhere: not by settings, not by errors, not by the log of a service."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from andon.database import connect
from andon.errors import ConfigError, DatabaseError
from andon.settings import PREFIX, DatabaseSettings, Settings, read_settings
from andon.settings_table import service_settings, settings_of
from sandbox.broker import free_port

MARKER = "m4rker"
PLANT = Path(__file__).parents[2] / "examples" / "pumps" / "plant.yaml"
#: What must be set beside some secrets for them to count, and listeners that would otherwise want certificates.
BESIDE = {
    "ANDON_KAFKA__SASL__MECHANISM": "PLAIN",
    "ANDON_KAFKA__SASL__USERNAME": "andon",
    "ANDON_REGISTRY__INSECURE": "true",
}


def _settings_of_everything() -> type[Settings]:
    own: dict[str, Any] = {name: (kind, kind.model_construct()) for name, kind in service_settings().items()}
    return create_model("Everything", __base__=Settings, **own)


EVERYTHING = _settings_of_everything()
SECRETS = {one.variable: MARKER for one in settings_of(EVERYTHING) if one.kind == "secret"}
SECRETS["ANDON_DATABASE__DSN"] = f"postgresql://andon:{MARKER}@127.0.0.1:1/andon"


@pytest.fixture(autouse=True)
def _only_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    for name, value in {**BESIDE, **SECRETS}.items():
        monkeypatch.setenv(name, value)


def test_settings_that_hold_secrets_show_none() -> None:
    settings = read_settings(EVERYTHING)
    for view in (str(settings), repr(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert MARKER not in view
        assert "**********" in view


@pytest.mark.parametrize("variable", SECRETS)
def test_what_is_wrong_beside_a_secret_is_told_without_it(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    neighbour = variable.rpartition("__")[0] + "__NO_SUCH_SETTING"
    monkeypatch.setenv(neighbour, MARKER)
    with pytest.raises(ConfigError) as raised:
        read_settings(EVERYTHING)
    assert neighbour in str(raised.value)
    assert MARKER not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "dsn",
    [
        f"mysql://andon:{MARKER}@db/andon",
        f"postgresql://andon:{MARKER}@[db/andon",
        f"postgresql://andon:{MARKER}@db:port/andon",
        f"postgresql://andon:{MARKER}@127.0.0.1:1/andon?connect_timeout={MARKER}",
        f"postgresql://andon:{MARKER}@127.0.0.1:1/andon",
    ],
)
async def test_a_database_that_cannot_be_reached_is_told_of_without_its_password(dsn: str) -> None:
    with pytest.raises((ConfigError, DatabaseError, ValueError)) as raised:
        async with connect(DatabaseSettings.model_validate({"dsn": dsn, "timeout": "2s"})):
            pass
    assert MARKER not in "".join(traceback.format_exception(raised.value)).replace(dsn, "")
    assert MARKER not in str(raised.value)


@pytest.mark.parametrize("service", ["historian", "feature"])
def test_the_log_of_a_service_shows_no_secret(service: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ANDON_PLANT": str(PLANT),
        "ANDON_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "ANDON_TELEMETRY__PORT": "0",
        "ANDON_TELEMETRY__LOG_LEVEL": "debug",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", f"services.{service}"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = process.stdout.readline()  # that the database or the broker is away
    process.terminate()
    said += process.communicate()[0]
    assert said
    assert MARKER not in said
