"""`andon database migrate`: brings the schema up to date once, and says what it did."""

from __future__ import annotations

import asyncio

from typer.testing import CliRunner, Result

from andon.database import migrations
from andon.database.cli import app
from andon.errors import ConfigError
from andon.settings import DatabaseSettings


def migrate(dsn: str | None) -> Result:
    return CliRunner().invoke(app, ["migrate"], env={"ANDON_DATABASE__DSN": dsn})


async def test_the_schema_is_brought_up_to_date_once(database: DatabaseSettings) -> None:
    assert database.dsn is not None
    first = await asyncio.to_thread(migrate, database.dsn.get_secret_value())
    assert first.exit_code == 0, first.output
    assert len(first.output.splitlines()) == len(migrations())
    again = await asyncio.to_thread(migrate, database.dsn.get_secret_value())
    assert again.output == "the database is up to date\n"


def test_without_a_database_it_says_which_setting_is_missing() -> None:
    result = migrate(None)
    assert isinstance(result.exception, ConfigError)
    assert "ANDON_DATABASE__DSN is not set" in str(result.exception)
