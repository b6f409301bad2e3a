"""`andon history`: what was measured on an asset, at the terminal or as a Parquet file."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.table import Table

from andon.database import Database, connect
from andon.database.relation import columns_of
from andon.errors import ConfigError
from andon.settings import Settings, read_settings
from andon.terminal import terminal
from andon.uns import Stage
from services.historian.query import (
    Question,
    copied_rows,
    copy_statement,
    count_statement,
    find,
    moment,
    newest_statement,
    schema_of,
)

#: Exit code when there is nothing.
_NOTHING = 1
#: Columns that are shown at the terminal only when they hold something else than this, or nothing.
_USUAL = {"stale": False, "origin": "live"}


def history(
    asset: Annotated[str, typer.Argument(help="Path of the asset, such as water/line-1/pump-3.")],
    tags: Annotated[str | None, typer.Option(help="Tags, separated by commas; all if not given.")] = None,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="ISO 8601 (UTC), or how long ago: 2h.")] = "1h",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="The same; exclusive.")] = "now",
    raw: Annotated[bool, typer.Option("--raw", help="As measured, in the source's units.")] = False,
    rows: Annotated[int, typer.Option(min=1, help="Newest rows to show.")] = 20,
    parquet: Annotated[Path | None, typer.Option(help="Write all rows to this file instead.")] = None,
) -> None:
    """Show what was measured on an asset, in the plant model's units and with its context.

    Reads the database of ANDON_DATABASE__*.
    """
    asyncio.run(_history(asset, tags, (since, until), Stage.RAW if raw else Stage.CONTEXT, rows, parquet))


async def _history(
    asset: str, tags: str | None, span: tuple[str, str], stage: Stage, rows: int, parquet: Path | None
) -> None:
    now = datetime.now(UTC)
    since, until = (moment(text, now) for text in span)
    if since >= until:
        raise ConfigError(f"--from ({since.isoformat()}) is not before --to ({until.isoformat()})")
    async with connect(read_settings(Settings).database) as database:
        try:
            asset_class = await _class_of(database, asset)
            wanted = await _tags(database, asset_class, tags)
            question = Question(asset, asset_class, stage, wanted, since, until)
            count = await database.fetchval(count_statement(question), *question.arguments)
            if not count:
                sys.stderr.write(await _nothing(database, question))
                raise typer.Exit(_NOTHING)
            if parquet:
                await _write(database, question, parquet)
                typer.echo(f"{parquet}: {count:,} rows")
            else:
                newest = await database.fetch(newest_statement(question, rows), *question.arguments)
                _show(question, newest[::-1], count)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            raise ConfigError("the database holds no history yet: start the historian on it first") from None


async def _class_of(database: Database, asset: str) -> str:
    known = await database.fetch("SELECT path, class FROM andon.asset ORDER BY valid_from")
    classes = {row["path"]: row["class"] for row in known}
    return str(classes[find(asset, list(classes), "asset")])


async def _tags(database: Database, asset_class: str, given: str | None) -> tuple[str, ...]:
    found = await database.fetch("SELECT DISTINCT tag FROM andon.tag WHERE class = $1 ORDER BY tag", asset_class)
    known = [row["tag"] for row in found]
    if given is None:
        return tuple(known)
    return tuple(find(tag.strip(), known, f"tag of class {asset_class}") for tag in given.split(","))


async def _nothing(database: Database, question: Question) -> str:
    extent = await database.fetchrow(
        "SELECT first_time, last_time FROM history.extent JOIN andon.asset_path USING (asset_id) "
        "WHERE path = $1 AND relation = $2",
        question.asset,
        question.table,
    )
    has = "nothing at all" if extent is None else f"data from {extent[0].isoformat()} to {extent[1].isoformat()}"
    return (
        f"{question.asset}: nothing between {question.since.isoformat()} and {question.until.isoformat()}; has {has}\n"
    )


async def _write(database: Database, question: Question, target: Path) -> None:
    schema = schema_of(question, await columns_of(database, question.table))
    with tempfile.TemporaryDirectory(prefix="andon-history-") as folder:
        copied = Path(folder) / "rows.csv"
        async with database.acquire() as connection:
            await connection.copy_from_query(
                copy_statement(question), *question.arguments, output=copied, format="csv", header=True
            )
        try:
            copied_rows(copied, schema).sink_parquet(target, compression="zstd")
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error}") from None


def _show(question: Question, rows: Sequence[asyncpg.Record], count: int) -> None:
    console = terminal()
    told = [name for name in question.columns if any(row[name] not in (None, _USUAL.get(name)) for row in rows)]
    table = Table(title=f"{question.asset}: the newest {len(rows):,} of {count:,} rows", title_justify="left")
    for name in ("time", *told):
        table.add_column(name, justify="right" if any(isinstance(row[name], float) for row in rows) else "left")
    for row in rows:
        table.add_row(_text(row["time"]), *(_text(row[name]) for name in told))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
