"""Tables divided by TimescaleDB, where its extension is installed: chunks, compression, averages of a minute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from andon.database import Database
from andon.database.names import literal, quoted, shortened
from services.historian.merge import forget_statement
from services.historian.tables import SCHEMA, Table, create_statements, index_statements
from services.historian.views import View

#: Chunks that are older than this are compressed; corrections still reach them.
_COMPRESS_AFTER = "7 days"
#: How far back averages are made anew: late frames and corrections come within it.
_REFRESH_FROM = "3 days"
_STATISTICS = ("avg", "min", "max")


class Hypertables:
    """Leaves it to TimescaleDB to make chunks."""

    def create(self, table: Table) -> Iterator[str]:
        """Yield what makes a table."""
        name = literal(table.sql_name)
        yield from create_statements(table)
        yield f"SELECT create_hypertable({name}, by_range('time', interval '1 {table.span}'))"
        yield from index_statements(table)
        yield (
            f"ALTER TABLE {table.sql_name} SET (timescaledb.compress, timescaledb.compress_segmentby = 'asset_id', "
            "timescaledb.compress_orderby = 'time')"
        )
        yield f"SELECT add_compression_policy({name}, interval '{_COMPRESS_AFTER}')"

    async def make_room(self, database: Database, table: Table, days: Iterable[datetime]) -> None:
        """Do nothing: chunks are made as rows come."""

    def forget(self) -> None:
        """Do nothing: there is nothing to remember."""

    async def prune(self, database: Database, table: Table, before: datetime) -> int:
        """Drop the chunks that end before a time, and return how many they were."""
        async with database.acquire() as connection, connection.transaction():
            chunks = await connection.fetch(
                "SELECT chunk::text AS name FROM show_chunks($1::regclass, older_than => $2) AS chunk",
                table.sql_name,
                before,
            )
            for chunk in chunks:
                await connection.fetchval(forget_statement(table, chunk["name"]))
            await connection.execute("SELECT drop_chunks($1::regclass, older_than => $2)", table.sql_name, before)
        return len(chunks)


def minute_view(table: Table) -> View | None:
    """Return the continuous aggregate of a table of frames: average, least and most of each numeric tag a minute."""
    numeric = {tag: column for tag, column in table.tags.items() if table.columns[column] == "double precision"}
    if not numeric:
        return None
    name = shortened(f"{table.name}_1min")
    columns = ", ".join(
        f"{statistic}({quoted(column)}) AS {quoted(shortened(f'{tag}_{statistic}'))}"
        for tag, column in numeric.items()
        for statistic in _STATISTICS
    )
    shown = f"{SCHEMA}.{quoted(name)}"
    sql = (
        f"CREATE MATERIALIZED VIEW {shown} WITH (timescaledb.continuous) AS "
        f"SELECT asset_id, time_bucket(interval '1 minute', time) AS minute, {columns} "
        f"FROM {table.sql_name} GROUP BY 1, 2 WITH NO DATA;\n"
        f"SELECT add_continuous_aggregate_policy({literal(shown)}, start_offset => interval '{_REFRESH_FROM}', "
        "end_offset => interval '1 minute', schedule_interval => interval '1 minute')"
    )
    return View(name, "MATERIALIZED VIEW", sql)
