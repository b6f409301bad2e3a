"""The documentation of the settings is made from the settings."""

from __future__ import annotations

from pathlib import Path

import typer
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from typer.testing import CliRunner

from andon.settings import Settings
from andon.settings_table import Setting, service_settings, settings, settings_of, settings_page, settings_table
from andon.units import Duration

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


class Inner(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    password: SecretStr | None = None
    """Masked | hidden."""
    wait: Duration | None = 90_000_000
    """How
    long."""


class Outer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    ratio: float = Field(gt=0, le=1)
    """Which part."""
    inner: Inner = Inner()


def test_fields_become_variables_with_kind_default_and_meaning() -> None:
    assert list(settings_of(Outer)) == [
        Setting("ANDON_RATIO", "number above 0, at most 1", None, "Which part."),
        Setting("ANDON_INNER__PASSWORD", "secret", "", "Masked | hidden."),
        Setting("ANDON_INNER__WAIT", "duration", "90s", "How long."),
    ]


def test_the_table_flags_secrets_and_what_must_be_set() -> None:
    assert settings_table(Outer).splitlines()[2:] == [
        "| `ANDON_RATIO` | number above 0, at most 1 | must be set | Which part. |",
        "| `ANDON_INNER__PASSWORD` | **secret** |  | Masked \\| hidden. |",
        "| `ANDON_INNER__WAIT` | duration | `90s` | How long. |",
    ]


def test_every_setting_says_what_it_means() -> None:
    assert [one.variable for one in settings_of(Settings) if not one.meaning.endswith(".")] == []
    assert [one.variable for one in settings_of(Settings) if one.kind == "JSON"] == []


def test_the_settings_of_every_service_are_on_the_page_and_say_what_they_mean() -> None:
    assert {"ingest", "context", "inference", "alert", "mes"} <= service_settings().keys()
    for name, kind in service_settings().items():
        own = list(settings_of(kind, f"ANDON_{name.upper()}__"))
        assert [one.variable for one in own if not one.meaning or one.kind == "JSON"] == []


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == settings_page(), "run `andon settings --output docs/settings.md`"


def test_the_command_prints_and_writes_the_page(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(settings)
    assert CliRunner().invoke(app, []).output == settings_page()
    assert CliRunner().invoke(app, ["--output", str(tmp_path / "settings.md")]).output == ""
    assert (tmp_path / "settings.md").read_text() == settings_page()
