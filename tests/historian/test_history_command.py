"""`andon history`: rows at the terminal or in a Parquet file, and plain words when there are none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from andon.database import connect, migrate
from andon.errors import ConfigError, DatabaseError
from andon.settings import DatabaseSettings
from andon.uns import Stage
from services.historian.archive import open_archive
from services.historian.cli import history
from services.historian.query import moment
from tests.historian.history import NOW, PUMP, T0, context, plant, rows, write

app = typer.Typer()
app.command()(history)
SPAN = ("--from", "2023-11-14T22:13:20", "--to", "2023-11-14T23:14:20+01:00")


@pytest.fixture
async def filled(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database with a minute of history, which the command finds by its environment."""
    model = plant()
    async with connect(database) as pool:
        await migrate(pool)
        archive = await open_archive(pool, model, NOW)
        events = [context(n, context={"order": "4711", "stale": False}) for n in range(90)]
        await write(archive, Stage.CONTEXT, rows(model, Stage.CONTEXT, events, archive))
    monkeypatch.setenv("ANDON_DATABASE__DSN", database.dsn.get_secret_value() if database.dsn else "")


def run(*arguments: str) -> tuple[int, str]:
    """Run the command as `andon` would, apart from how it shows errors."""
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.usefixtures("filled")
def test_the_newest_rows_are_shown_with_their_context() -> None:
    code, shown = run(PUMP, "--tags", "flow,mode", "--rows", "2", *SPAN)
    assert code == 0
    assert f"{PUMP}: the newest 2 of 60 rows" in shown
    *_, first, last, _ = shown.splitlines()
    assert [cell.strip() for cell in last.split("│")[1:-1]] == ["2023-11-14 22:14:19.000", "7.375", "auto", "4711"]
    assert "22:14:18.000" in first


@pytest.mark.usefixtures("filled")
def test_a_parquet_file_has_all_rows_and_the_tags_own_names(tmp_path: Path) -> None:
    file = tmp_path / "pump.parquet"
    assert run(PUMP, *SPAN, "--parquet", str(file)) == (0, f"{file}: 60 rows\n")
    read = pl.read_parquet(file)
    assert read.select("asset", pl.col("time").dt.epoch("us"), "flow", "running", "mode", "order").row(1) == (
        *(PUMP, T0 + 1_000_000, 0.125, False, "auto", "4711"),
    )
    with pytest.raises(ConfigError, match="cannot be written"):
        run(PUMP, *SPAN, "--parquet", str(tmp_path / "no" / "such.parquet"))


@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_told_in_plain_words() -> None:
    code, told = run(PUMP, "--from", "2h")
    assert code == 1
    assert "has data from 2023-11-14T22:13:20+00:00 to 2023-11-14T22:14:49+00:00" in told
    assert "has nothing at all" in run(PUMP, "--raw")[1]
    with pytest.raises(ConfigError, match=r"no asset 'line/pmp-1': did you mean line/pump-1"):
        run("line/pmp-1")
    with pytest.raises(ConfigError, match=r"no tag of class pump 'flwo': did you mean flow\?"):
        run(PUMP, "--tags", "mode, flwo")
    with pytest.raises(ConfigError, match="is not before"):
        run(PUMP, "--from", "1h", "--to", "2h")


def test_a_database_that_cannot_be_asked_is_told(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANDON_DATABASE__DSN", raising=False)
    with pytest.raises(ConfigError, match="ANDON_DATABASE__DSN is not set"):
        run(PUMP)
    monkeypatch.setenv("ANDON_DATABASE__DSN", database.dsn.get_secret_value() if database.dsn else "")
    with pytest.raises(ConfigError, match="start the historian"):
        run(PUMP)
    monkeypatch.setenv("ANDON_DATABASE__DSN", "postgresql://andon@127.0.0.1:1/andon")
    with pytest.raises(DatabaseError, match="does not answer"):
        run(PUMP)


def test_times_are_iso_or_relative() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moment("now", now) == now
    assert moment("90min", now) == datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    assert moment("2026-03-01", now) == datetime(2026, 3, 1, tzinfo=UTC)
    assert moment("2026-03-01T06:00+01:00", now) == datetime(2026, 3, 1, 5, tzinfo=UTC)
    with pytest.raises(ConfigError, match="'yesterday' is no time"):
        moment("yesterday", now)
