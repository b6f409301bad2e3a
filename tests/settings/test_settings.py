"""Settings: every wrong value is reported by the name of its variable, and no secret is ever shown."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from andon.errors import ConfigError
from andon.settings import KafkaSettings, Settings, read_settings
from andon.settings_table import Setting, settings_of
from andon.units import Duration

ALL = list(settings_of(Settings))
SECRETS = [one for one in ALL if one.kind == "secret"]
#: All secrets, and what must be set beside them.
GOOD_SECRETS = {
    "ANDON_DATABASE__DSN": "postgresql://andon:hush@db/andon",
    "ANDON_DATABASE__TLS__KEY_PASSWORD": "hush",
    "ANDON_KAFKA__SASL__MECHANISM": "SCRAM-SHA-512",
    "ANDON_KAFKA__SASL__USERNAME": "andon",
    "ANDON_KAFKA__SASL__PASSWORD": "hush",
    "ANDON_KAFKA__TLS__KEY_PASSWORD": "hush",
    "ANDON_TELEMETRY__TRACING__AUTHORIZATION": "hush",
    "ANDON_TELEMETRY__TRACING__TLS__KEY_PASSWORD": "hush",
}


def configure(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def refusal() -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        read_settings(Settings)
    return raised.value


def shown(error: ConfigError) -> str:
    """Everything that a log or a terminal could show of an error."""
    return "".join((str(error), repr(error), *traceback.format_exception(error)))


def variables(error: ConfigError) -> set[str]:
    return {line.split(":")[0].strip() for line in str(error).splitlines()[1:]}


def test_nothing_need_be_set() -> None:
    assert read_settings(Settings) == Settings()


def wrong_values() -> list[tuple[str, str]]:
    """Each variable with what it cannot take: nothing for texts, no such value for all others."""
    return [(one.variable, "" if one.kind in ("text", "path", "secret") else "nonsense") for one in ALL]


@pytest.mark.parametrize(("variable", "value"), wrong_values())
def test_a_wrong_value_is_reported_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert variables(refusal()) == {variable}


@pytest.mark.parametrize(
    ("values", "variable", "reason"),
    [
        ({"ANDON_KAFKA__BOOTSTRAP_SERVERS": "broker-1:9092,broker-2"}, "", "'broker-2' is not host:port"),
        ({"ANDON_KAFKA__PARTITIONS": "0"}, "", "greater than or equal to 1"),
        ({"ANDON_KAFKA__REQUEST_TIMEOUT": "0s"}, "", "greater than 0"),
        ({"ANDON_KAFKA__FETCH_MAX_WAIT": "-1s"}, "", "is no duration"),
        ({"ANDON_TELEMETRY__PORT": "65536"}, "", "less than or equal to 65535"),
        ({"ANDON_DATABASE__DSN": "mysql://db"}, "", "does not begin with postgresql://"),
        ({"ANDON_KAFKA__PARTITION": "8"}, "", "not permitted"),
        ({"ANDON_KAFKA__TLS__CA_FILE": "ca.pem"}, "", "no effect while TLS is off"),
        (
            {"ANDON_KAFKA__TLS__ENABLED": "true", "ANDON_KAFKA__TLS__CERT_FILE": "cert.pem"},
            "ANDON_KAFKA__TLS__KEY_FILE",
            "go together",
        ),
        (
            {"ANDON_KAFKA__TLS__ENABLED": "true", "ANDON_KAFKA__TLS__KEY_FILE": "key.pem"},
            "ANDON_KAFKA__TLS__KEY_FILE",
            "go together",
        ),
        ({"ANDON_KAFKA__SASL__USERNAME": "andon"}, "", "no effect without a login"),
        (
            {"ANDON_KAFKA__SASL__MECHANISM": "PLAIN", "ANDON_KAFKA__SASL__USERNAME": "andon"},
            "ANDON_KAFKA__SASL__PASSWORD",
            "mechanism PLAIN needs a password",
        ),
        ({"ANDON_KAFKA": "3"}, "", "valid dictionary"),
    ],
)
def test_what_is_wrong_and_where(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], variable: str, reason: str
) -> None:
    configure(monkeypatch, values)
    error = refusal()
    assert variables(error) == {variable or next(iter(values))}
    assert reason in str(error)


def test_all_wrong_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"ANDON_KAFKA__PARTITIONS": "many", "ANDON_RUNTIME__TICK": "soon", "ANDON_PLANT": ""}
    configure(monkeypatch, wrong)
    assert variables(refusal()) == set(wrong)


def test_a_group_that_is_no_json_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_DATABASE", "postgresql://andon:hush@db")
    error = refusal()
    assert '"database"' in str(error)
    assert "one by one" in str(error)
    assert "hush" not in shown(error)


def test_a_value_of_one_of_two_types_is_reported_under_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Speed(BaseModel):
        speed: float | Literal["max"] = 1.0

    class WithSpeed(Settings):
        source: Speed = Speed()

    monkeypatch.setenv("ANDON_SOURCE__SPEED", "fast")
    with pytest.raises(ConfigError) as raised:
        read_settings(WithSpeed)
    assert variables(raised.value) == {"ANDON_SOURCE__SPEED"}


def test_compression_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.settings.find_spec", lambda _: None)
    monkeypatch.setenv("ANDON_KAFKA__COMPRESSION", "zstd")
    assert "pip install 'aiokafka[zstd]'" in str(refusal())


@pytest.mark.parametrize("secret", SECRETS, ids=lambda one: one.variable)
def test_a_refused_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, secret: Setting) -> None:
    monkeypatch.setenv(secret.variable, "hush")
    # A key's password alone is harmless, so something else in its group is wrong.
    monkeypatch.setenv("ANDON_KAFKA__TLS__CHECK_HOSTNAME", "perhaps")
    assert "hush" not in shown(refusal())


def test_a_setting_that_is_held_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, GOOD_SECRETS)
    settings = read_settings(Settings)
    assert {one.variable for one in SECRETS} < set(GOOD_SECRETS)
    assert settings.kafka.client_arguments()["sasl_plain_password"] == "hush"
    for view in (str(settings), repr(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "hush" not in view


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings(Settings).kafka.partitions = 9  # type: ignore[misc]


def write_secrets(folder: Path, values: dict[str, str]) -> None:
    """Write one file each, as Kubernetes mounts a Secret: links through a folder that can be swapped whole."""
    content = folder / "..2026_01_01"
    content.mkdir()
    (folder / "..data").symlink_to(content.name)
    for name, value in values.items():
        (content / name.lower()).write_text(value + "\n")
        (folder / name.lower()).symlink_to(f"..data/{name.lower()}")


def test_secrets_are_read_from_files_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_secrets(tmp_path, GOOD_SECRETS)
    monkeypatch.setenv("ANDON_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ANDON_KAFKA__SASL__USERNAME", "other")
    settings = read_settings(Settings)
    assert settings.database.dsn
    assert settings.database.dsn.get_secret_value() == GOOD_SECRETS["ANDON_DATABASE__DSN"]
    assert settings.kafka.sasl.password
    assert settings.kafka.sasl.password.get_secret_value() == "hush"
    assert settings.kafka.sasl.username == "other"


def test_each_reading_sees_the_folder_that_is_named_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_secrets(tmp_path, {"ANDON_DATABASE__DSN": "postgresql://first"})
    assert read_settings(Settings).database.dsn is None
    monkeypatch.setenv("ANDON_SECRETS_DIR", str(tmp_path))
    assert read_settings(Settings).database.dsn is not None


def test_a_wrong_value_in_a_file_is_reported_by_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_secrets(tmp_path, {"ANDON_DATABASE__DSN": "mysql://andon:hush@db"})
    monkeypatch.setenv("ANDON_SECRETS_DIR", str(tmp_path))
    error = refusal()
    assert variables(error) == {"ANDON_DATABASE__DSN"}
    assert "hush" not in shown(error)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_secrets_directory_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANDON_SECRETS_DIR", str(tmp_path / name))
    error = refusal()
    assert "ANDON_SECRETS_DIR" in str(error)
    assert str(tmp_path / name) in str(error)


def test_a_secret_that_is_no_text_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "andon_database__dsn").write_bytes(b"hush\xff")
    monkeypatch.setenv("ANDON_SECRETS_DIR", str(tmp_path))
    error = refusal()
    assert "ANDON_SECRETS_DIR" in str(error)
    assert "hush" not in shown(error)


def test_variables_of_any_case_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("andon_kafka__partitions", "3")
    assert read_settings(Settings).kafka.partitions == 3


def test_a_services_own_settings_stand_beside_the_shared_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rules(BaseModel):
        patience: Duration = Field(default=1_000_000, gt=0)

    class Own(Settings):
        rules: Rules = Rules()

    configure(monkeypatch, {"ANDON_RULES__PATIENCE": "2min", "ANDON_KAFKA__PARTITIONS": "3", "ANDON_OTHER__X": "1"})
    own = read_settings(Own)
    assert (own.rules.patience, own.kafka) == (120_000_000, KafkaSettings(partitions=3))
