"""Tables follow the plant model: new tags become columns, changed ones are refused, old days are dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.database import connect
from andon.database.names import shortened
from andon.errors import ConfigError
from andon.settings import DatabaseSettings
from andon.uns import Stage
from services.historian.archive import open_archive
from services.historian.merge import insert_statement
from services.historian.mirror import change
from services.historian.native import partition_of
from services.historian.rows import in_few_days, newest
from services.historian.tables import alter_statements, document_table, frame_table, tables_of
from services.historian.timescale import Hypertables, minute_view
from tests.historian.history import NOW, PUMP, T0, TAGS, archive_of, context, frame, plant, rows, write

DAY = timedelta(days=1)


async def test_a_new_tag_becomes_a_column_and_what_is_there_stays(database: DatabaseSettings) -> None:
    async with archive_of(database, plant()) as archive:
        await write(archive, Stage.CONTEXT, rows(plant(), Stage.CONTEXT, [context(0)], archive))
    bigger = plant(tags={"flow": TAGS["flow"], "power": {"unit": "kW"}})
    async with archive_of(database, bigger) as archive:
        events = [context(n, values={"flow": 1.0, "power": 2.0}) for n in (0, 1)]
        await write(archive, Stage.CONTEXT, rows(bigger, Stage.CONTEXT, events, archive))
        kept = 'SELECT "tag_flow", "tag_power", "tag_mode" FROM history."context_pump" ORDER BY time'
        assert [tuple(row) for row in await archive.database.fetch(kept)] == [(0.0, None, "auto"), (1.0, 2.0, None)]
        shown = await archive.database.fetch("SELECT asset, flow, power FROM history.pump ORDER BY time")
        assert [tuple(row) for row in shown] == [(PUMP, 0.0, None), (PUMP, 1.0, 2.0)]
        tags = "SELECT tag, valid_to IS NULL FROM andon.tag WHERE class = 'pump' AND tag IN ('flow', 'mode', 'power')"
        assert {tuple(row) for row in await archive.database.fetch(tags)} == {
            ("flow", True),
            ("mode", False),
            ("power", True),
        }


async def test_a_tag_of_another_kind_is_refused_before_anything_is_changed(database: DatabaseSettings) -> None:
    async with archive_of(database, plant()) as archive:
        changed = plant(tags={"flow": {"kind": "boolean"}, "power": {}})
        with pytest.raises(ConfigError, match=r'column "tag_flow" of history."raw_pump" holds double precision'):
            await open_archive(archive.database, changed, NOW)
        assert await archive.database.fetchval("SELECT count(*) FROM andon.plant_model") == 1


async def test_workers_that_start_together_make_the_tables_once(database: DatabaseSettings) -> None:
    async with archive_of(database, plant()) as archive, connect(database) as other:
        again = await open_archive(other, plant(), NOW)
        assert again.asset_ids == archive.asset_ids
        assert await other.fetchval("SELECT count(*) FROM andon.asset") == 3


async def test_the_view_shows_context_and_the_verdict_known_at_each_time(database: DatabaseSettings) -> None:
    model = plant(tags={"flow": {}, "time": {}})
    async with archive_of(database, model) as archive:
        events = [
            context(n, values={"flow": 1.0, "time": 2.0}, context={"order": "4711"}, quality={"flow": "stuck"})
            for n in range(4)
        ]
        await write(archive, Stage.CONTEXT, rows(model, Stage.CONTEXT, events, archive))
        await archive.database.execute("CREATE TABLE history_part.verdicts (LIKE history.inference INCLUDING ALL)")
        await archive.database.execute("ALTER TABLE history.inference ATTACH PARTITION history_part.verdicts DEFAULT")
        await archive.database.execute(
            "INSERT INTO history.inference (id, asset_id, time, revision, ingest_time, origin, role, score, decision) "
            "SELECT role || n, asset_id, to_timestamp($1 + n), 0, now(), 'live', role, score, 'normal' "
            "FROM andon.asset_path, (VALUES ('shadow', 1, 70), ('production', 1, 10), ('canary', 2, 20), "
            "('shadow', 2, 80)) AS said(role, n, score) WHERE path = $2",
            *(T0 / 1e6, PUMP),
        )
        shown = await archive.database.fetch(
            'SELECT flow, tag_time, "order", quality::text, score, decision FROM history.pump ORDER BY "time"'
        )
    common = (1.0, 2.0, "4711", '{"flow": "stuck"}')
    assert [tuple(row) for row in shown] == [
        (*common, None, None),
        (*common, 10.0, "normal"),
        (*common, 20.0, "normal"),
        (*common, 20.0, "normal"),
    ]


async def test_the_catalogue_counts_what_there_is_and_what_there_should_be(database: DatabaseSettings) -> None:
    model = plant(tags={"flow": {"unit": "m^3/h", "source_unit": "l/s"}, "level": {"unit": "m", "rate_hz": 0.5}})
    values = {"flow": 1.0, "level": None}
    async with archive_of(database, model) as archive:
        events = [frame(n, values=values) for n in range(100) if n % 4]
        for _ in range(2):
            await write(archive, Stage.RAW, rows(model, Stage.RAW, events, archive))
        corrected = frame(1, revision=1, values={"flow": None, "level": 2.0})
        await write(archive, Stage.RAW, rows(model, Stage.RAW, [corrected], archive))
        found = await archive.database.fetch(
            "SELECT stage, class, asset, tag, source, relation, unit, rate_hz, owner, rows, "
            "round(completeness::numeric, 3)::float8 FROM andon.catalogue ORDER BY tag"
        )
    about = ("raw", "pump", PUMP)
    source = ("uns.v1.acme.north.raw", 'history."raw_pump"')
    assert [tuple(row) for row in found] == [
        (*about, "flow", *source, "l/s", 1.0, "upkeep", 74, 0.747),
        (*about, "level", *source, "m", 0.5, "upkeep", 1, 0.02),
    ]


async def test_days_that_are_older_than_what_is_kept_are_dropped_and_no_longer_counted(
    database: DatabaseSettings,
) -> None:
    model = plant()
    day = 86_400
    async with archive_of(database, model) as archive:
        table = archive.tables[Stage.RAW, "pump"]
        events = [frame(n * day + second) for n in range(4) for second in range(10)]
        await write(archive, Stage.RAW, rows(model, Stage.RAW, events, archive))
        begin = datetime.fromtimestamp(T0 // 1_000_000, UTC).replace(hour=0, minute=0, second=0)
        assert await archive.prune(table, begin + 2 * DAY + timedelta(hours=2)) == 2
        assert await archive.prune(table, begin + 2 * DAY + timedelta(hours=2)) == 0
        left = await archive.database.fetchrow("SELECT rows, first_time, tags ->> 'flow' FROM history.extent")
        assert left is not None
        assert tuple(left) == (20, begin + 2 * DAY, "20")
        assert await archive.database.fetchval('SELECT count(*) FROM history."raw_pump"') == 20
        await write(archive, Stage.RAW, rows(model, Stage.RAW, [frame(0)], archive))
        assert await archive.database.fetchval('SELECT count(*) FROM history."raw_pump"') == 21


async def test_a_partition_that_somebody_reads_is_dropped_later(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = plant()
    monkeypatch.setattr("services.historian.native._PATIENCE", "50ms")
    async with archive_of(database, model) as archive, archive.database.acquire() as reader:
        table = archive.tables[Stage.RAW, "pump"]
        await write(archive, Stage.RAW, rows(model, Stage.RAW, [frame(0)], archive))
        async with reader.transaction():
            await reader.fetchval('SELECT count(*) FROM history."raw_pump"')
            assert await archive.prune(table, NOW) == 0
        assert await archive.prune(table, NOW) == 1
        assert await reader.fetchval("SELECT rows FROM history.extent") == 0


async def test_a_partition_that_somebody_dropped_is_made_again(database: DatabaseSettings) -> None:
    model = plant()
    async with archive_of(database, model) as archive:
        await write(archive, Stage.RAW, rows(model, Stage.RAW, [frame(0)], archive))
        await archive.database.execute('DROP TABLE history_part."raw_pump_20231114"')
        with pytest.raises(Exception, match="a partition has gone"):
            await write(archive, Stage.RAW, rows(model, Stage.RAW, [frame(1)], archive))
        assert await write(archive, Stage.RAW, rows(model, Stage.RAW, [frame(1)], archive)) == 1


EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=12)


@given(EVENTS)
def test_one_row_is_left_of_a_key_that_merging_them_one_by_one_would_leave(events: list[tuple[int, int, str]]) -> None:
    table = frame_table(Stage.CONTEXT, "pump", plant().classes["pump"])
    columns = ("asset_id", "time", "revision", "plant", "sequence")
    made = [(1, *event, number) for number, event in enumerate(events)]
    left: dict[int, tuple[int, int, int, str, int]] = {}
    for row in made:
        was = left.get(row[1])
        if was is None or row[2] > was[2] or row[3] != was[3]:
            left[row[1]] = row
    kept = newest(table, pl.DataFrame(made, schema=columns, orient="row"))
    assert kept.sort("time").rows() == [left[time] for time in sorted(left)]


@given(st.text("abcdefgh_.-", min_size=1, max_size=200), st.text("abcdefgh_.-", min_size=1, max_size=200))
def test_names_fit_and_stay_apart(one: str, other: str) -> None:
    assert len(shortened(one)) <= 63
    assert (shortened(one) == shortened(other)) == (one == other)


def test_a_class_that_has_the_name_of_a_table_or_too_many_tags_is_refused() -> None:
    for name in ("feature", "raw_fan", "extent"):
        model = plant().model_dump(by_alias=True)
        model["classes"][name] = model["classes"]["fan"]
        with pytest.raises(ConfigError, match="name the class otherwise"):
            tables_of(type(plant()).model_validate(model))
    with pytest.raises(ConfigError, match="1600 tags"):
        frame_table(Stage.RAW, "pump", plant(tags={f"t{n}": {} for n in range(1_600)}).classes["pump"])


def test_partitions_cover_days_or_months() -> None:
    moment = datetime(2026, 12, 31, 23, 59, 59, 5, UTC)
    busy, rare = document_table(Stage.FEATURE), document_table(Stage.ALERT)
    assert (partition_of(busy, moment).start, partition_of(busy, moment).end) == (
        datetime(2026, 12, 31, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert partition_of(rare, moment).start == datetime(2026, 12, 1, tzinfo=UTC)
    assert partition_of(rare, moment).end == datetime(2027, 1, 1, tzinfo=UTC)


def test_rows_of_many_days_are_written_in_parts() -> None:
    days = pl.datetime_range(datetime(2000, 1, 1), datetime(2000, 4, 9), "12h", eager=True, time_zone="UTC")
    made = pl.DataFrame({"time": days})
    parts = in_few_days(made)
    assert [part.height for part in parts] == [128, 71]
    assert pl.concat(parts).sort("time").equals(made)


def test_a_plant_model_is_mirrored_by_what_has_changed() -> None:
    changed = change({"a": (1,), "b": (2,), "c": (3,)}, {"a": (1,), "b": (4,), "d": (5,)})
    assert changed.ended == {"b", "c"}
    assert changed.begun == {"b": (4,), "d": (5,)}


def test_statements_for_timescale_name_chunks_compression_and_averages() -> None:
    table = frame_table(Stage.CONTEXT, "pump", plant().classes["pump"])
    made = "\n".join(Hypertables().create(table))
    assert """create_hypertable('history."context_pump"', by_range('time', interval '1 day'))""" in made
    assert "timescaledb.compress_segmentby = 'asset_id'" in made
    view = minute_view(table)
    assert view is not None
    assert 'avg("tag_flow") AS "flow_avg"' in view.sql
    assert "tag_mode" not in view.sql
    assert alter_statements(table, table.columns) == []
    assert "ON CONFLICT" in insert_statement(table, "staging", meets=True)
