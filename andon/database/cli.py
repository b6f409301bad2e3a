"""`andon database`: the schema, brought up to date by somebody who may, before the services start."""

from __future__ import annotations

import asyncio

import typer

from andon.database.connection import connect
from andon.database.migrate import Migration, migrate
from andon.settings import DatabaseSettings, Settings, read_settings
from andon.telemetry import configure_logs

app = typer.Typer(no_args_is_help=True, help="Look after the database that ANDON_DATABASE__DSN names.")


@app.callback()
def _group() -> None:
    """Keep `migrate` a command of its own while it is the only one."""


@app.command("migrate")
def bring_up_to_date() -> None:
    """Bring the schema up to date; services with ANDON_DATABASE__MIGRATE=false count on it.

    Doing it again changes nothing, and two at a time wait for one another.
    """
    configure_logs("database", level="warning", form="console")
    applied = asyncio.run(_migrate(read_settings(Settings).database))
    for one in applied:
        typer.echo(f"applied {one.number:04} {one.name}")
    if not applied:
        typer.echo("the database is up to date")


async def _migrate(settings: DatabaseSettings) -> list[Migration]:
    async with connect(settings, application="andon-migrate") as database:
        return await migrate(database)
