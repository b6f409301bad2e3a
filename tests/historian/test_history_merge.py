"""Each event is in the history once, in its highest revision, however often and in whatever pieces it came."""

from __future__ import annotations

from andon.settings import DatabaseSettings
from andon.uns import Stage
from tests.historian.history import PUMP, SECOND, T0, archive_of, context, frame, plant, rows, write

COUNT = 'SELECT count(*) FROM history."raw_pump"'


async def test_frames_are_read_back_as_they_came(database: DatabaseSettings) -> None:
    model = plant()
    wave = {"rate_hz": 100.0, "samples": [0.5, -0.25]}
    events = [
        frame(0, values={"flow": 1.5, "starts": 3, "running": True, "mode": "auto", "wave": wave}),
        frame(1, values={"flow": None, "starts": None, "running": None, "mode": "", "wave": None}, origin="backfill"),
    ]
    async with archive_of(database, model) as archive:
        assert await write(archive, Stage.RAW, rows(model, Stage.RAW, events, archive)) == 2
        found = await archive.database.fetch(
            'SELECT path, extract(epoch FROM time)::float8 AS time, origin, "tag_flow", "tag_starts", "tag_running", '
            '"tag_mode", "tag_wave"::text FROM history."raw_pump" JOIN andon.asset_path USING (asset_id) ORDER BY time'
        )
    assert tuple(found[0]) == (
        *(PUMP, T0 / SECOND, "live", 1.5, 3.0, True, "auto"),
        '{"rate_hz": 100.0, "samples": [0.5, -0.25]}',
    )
    assert tuple(found[1]) == (PUMP, T0 / SECOND + 1, "backfill", None, None, None, "", None)


async def test_what_comes_again_changes_nothing_and_a_correction_replaces_it(database: DatabaseSettings) -> None:
    model = plant()
    async with archive_of(database, model) as archive:
        made = rows(model, Stage.RAW, map(frame, range(100)), archive)
        assert await write(archive, Stage.RAW, made) == 100
        assert await write(archive, Stage.RAW, made) == 0
        corrected = [frame(7, revision=2, values={"flow": 70.0}), frame(7, revision=1), frame(200)]
        assert await write(archive, Stage.RAW, rows(model, Stage.RAW, corrected, archive)) == 1
        assert await write(archive, Stage.RAW, made) == 0, "an older revision does not come back"
        assert await archive.database.fetchval(COUNT) == 101
        sum_of_flow = 'SELECT sum("tag_flow") FROM history."raw_pump"'
        assert await archive.database.fetchval(sum_of_flow) == sum(n / 8 for n in range(100)) - 7 / 8 + 70 + 25


async def test_frames_of_another_plant_model_replace_those_of_the_former(database: DatabaseSettings) -> None:
    model = plant()
    told = 'SELECT plant, revision, "order" FROM history."context_pump"'
    async with archive_of(database, model) as archive:
        for version, revision, order in (("v1", 0, "1"), ("v1", 3, "2"), ("v2", 0, "3"), ("v2", 0, "4")):
            event = context(0, version=version, revision=revision, context={"order": order})
            await write(archive, Stage.CONTEXT, rows(model, Stage.CONTEXT, [event], archive))
        assert [tuple(row) for row in await archive.database.fetch(told)] == [("v2", 0, "3")]


async def test_rows_are_merged_also_when_nobody_has_counted_what_is_there(database: DatabaseSettings) -> None:
    model = plant()
    async with archive_of(database, model) as archive:
        made = rows(model, Stage.RAW, map(frame, range(10)), archive)
        await write(archive, Stage.RAW, made)
        await archive.database.execute("DELETE FROM history.extent")
        assert await write(archive, Stage.RAW, made) == 0
        assert await archive.database.fetchval(COUNT) == 10
