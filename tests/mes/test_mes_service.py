"""What changes in an MES is told once, in order, and nothing of it is lost."""

from __future__ import annotations

import asyncpg
import pytest

from andon.contracts import DeadLetterReason, PlantEvent
from andon.stream.deadletters import original_value
from tests.mes.plant import LINE, PUMP
from tests.mes.rig import Rig, orders, until

SAP = {"system": "sap", "kind": "order"}


async def test_rows_become_events_under_the_key_of_what_they_are_about(rig: Rig) -> None:
    for number, centre in (("1", "WC10"), ("2", "WC20"), ("3", "ALL")):
        await rig.mes.order(number, centre)
    await rig.mes.order("planned")
    await rig.mes.do("UPDATE production_orders SET started_at = NULL WHERE order_no = 'planned'")
    async with rig.serving():
        await rig.polled()
        records = await rig.records()
        assert {record.key: PlantEvent.model_validate_json(record.value).asset for record in records} == {
            PUMP.encode(): PUMP,
            LINE.encode(): LINE,
            rig.plant.site.encode(): None,
        }
        assert {event["id"] for event in await rig.told()} == {f"sap/order/{number}" for number in "123"}
        assert rig.value("andon_mes_rows_not_begun_total", **SAP) == 1
        await rig.mes.do(
            "UPDATE production_orders SET started_at = now(), qty = 7.50, changed_at = clock_timestamp() "
            "WHERE order_no = 'planned'"
        )
        await rig.polled()
        assert (await rig.told())[-1]["attributes"] == {"product": "water", "quantity": "7.50"}


async def test_a_change_is_told_under_the_same_id_and_what_stays_is_told_once(rig: Rig) -> None:
    await rig.mes.order("1")
    async with rig.serving():
        await rig.polled()
        await rig.mes.order("1", "WC20")
        await rig.polled()
        await rig.polled()
        assert [(event["id"], event["asset"]) for event in await rig.told()] == [
            ("sap/order/1", PUMP),
            ("sap/order/1", LINE),
        ]


async def test_rows_with_the_same_watermark_are_all_told_wherever_a_page_ends(rig: Rig) -> None:
    same = "2026-03-01 06:00:00+00"
    for number in range(23):
        await rig.mes.order(f"{number:02}", changed=same)
    async with rig.serving(batch=5):
        await rig.polled()
        await rig.mes.order("05a", changed=same)
        await rig.mes.order("99", changed=same)
        await rig.polled()
    assert await rig.names() == sorted([*(f"{number:02}" for number in range(23)), "05a", "99"])


async def test_a_transaction_that_commits_late_is_caught(rig: Rig) -> None:
    async with rig.serving(), rig.mes.connected() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("INSERT INTO production_orders VALUES ('late', 'WC10', 'water', 1, now())")
        await rig.mes.order("newer")
        await rig.polled()
        assert await rig.names() == ["newer"]
        await transaction.commit()
        await rig.polled()
        assert await rig.names() == ["late", "newer"]


async def test_a_watermark_from_a_clock_that_is_ahead_keeps_nothing_from_being_read(rig: Rig) -> None:
    await rig.mes.order("ahead", changed="2099-01-01 00:00+00")
    await rig.mes.order("never", changed="infinity")
    async with rig.serving():
        await rig.polled()
        await rig.mes.order("next")
        await rig.polled()
        assert await rig.names() == ["ahead", "never", "next"]


async def test_an_integer_may_be_the_watermark_and_names_may_be_strange(rig: Rig) -> None:
    await rig.mes.do(
        'CREATE SCHEMA "MES; --"; CREATE SEQUENCE changes; '
        'CREATE TABLE "MES; --"."select $1" ("no""1" int, "b/c" char(4), at date, '
        "v bigint DEFAULT nextval('changes'))"
    )
    table = orders(
        **{"from": "MES; --.select $1", "watermark": "v", "key": ['no"1', "b/c"], "name": 'no"1', "start": "at"},
        place={"value": LINE},
        attributes={},
        where={"b/c": "a/b"},
        time_zone="Europe/Berlin",
        lookback_numbers=1,
    )
    table.pop("end")
    insert = 'INSERT INTO "MES; --"."select $1" VALUES ($1, $2, \'2026-03-29\')'
    await rig.mes.do(insert, 7, "a/b")
    await rig.mes.do(insert, 8, "c")
    async with rig.serving(rig.system(table), batch=1):
        await rig.polled()
        await rig.mes.do(insert, 9, "a/b")
        await rig.polled()
    told = await rig.told()
    assert [(event["id"], event["asset"], event["time"]) for event in told] == [
        ("sap/order/7/a%2Fb", LINE, 1_774_738_800_000_000),
        ("sap/order/9/a%2Fb", LINE, 1_774_738_800_000_000),
    ]


async def test_clocks_that_go_back_hide_no_change(rig: Rig) -> None:
    await rig.mes.do("CREATE TABLE states (machine text, state text, since timestamp, changed timestamp)")
    table = {
        "kind": "machine_state",
        "from": "public.states",
        "watermark": "changed",
        "key": "machine",
        "name": {"column": "state", "map": {"R": "running", "S": "planned_stop"}},
        "start": "since",
        "place": "machine",
        "time_zone": "Europe/Berlin",
        "lookback": "1s",
    }
    await rig.mes.do(f"INSERT INTO states VALUES ('{PUMP}', 'R', '2025-10-26 02:50', '2025-10-26 02:50')")
    async with rig.serving(rig.system(table)):
        await rig.polled("machine_state")
        await rig.mes.do("UPDATE states SET state = 'S', changed = '2025-10-26 02:05'")  # a quarter of an hour later
        await rig.polled("machine_state")
        assert [event["name"] for event in await rig.told()] == ["running", "planned_stop"]
        assert rig.value("andon_mes_watermark_seconds", system="sap", kind="machine_state") == 1_761_439_800


async def test_a_restart_goes_on_where_it_was_and_repeats_nothing(rig: Rig) -> None:
    for number in range(12):
        await rig.mes.order(f"{number:02}")
    await rig.mes.order("bad", "WC99")
    async with rig.serving(batch=5):
        await rig.polled()
    await rig.mes.order("12")
    async with rig.serving(batch=5):
        await rig.polled()
    assert await rig.names() == [f"{number:02}" for number in range(13)]
    assert len(await rig.letters()) == 1


async def test_a_mapping_that_was_corrected_is_applied_to_all_rows(rig: Rig) -> None:
    await rig.mes.order("1", "WC99")
    await rig.mes.order("2")
    async with rig.serving():
        await rig.polled()
    corrected = orders(place={"column": "work_centre", "map": {"WC10": PUMP, "WC99": LINE}})
    async with rig.serving(rig.system(corrected)):
        await rig.polled()
    assert await rig.names() == ["1", "2", "2"]


async def test_rows_that_make_no_event_are_set_aside_and_the_others_go_on(rig: Rig) -> None:
    await rig.mes.order("good")
    await rig.mes.order("nowhere", "WC99")
    await rig.mes.order("backwards")
    await rig.mes.do("UPDATE production_orders SET finished_at = '2026-03-01 05:00+00' WHERE order_no = 'backwards'")
    async with rig.serving():
        await rig.polled()
        letters = {letter.detail.partition(":")[0]: letter for letter in await rig.letters()}
        await rig.polled()
        assert len(await rig.letters()) == 2
        nowhere = letters["place"]
        assert nowhere.reason == DeadLetterReason.UNKNOWN_ASSET
        assert (nowhere.service, nowhere.topic) == ("mes", "sap:public.production_orders")
        assert nowhere.id.startswith("sap/order/nowhere@")
        assert b'"order_no":"nowhere"' in (original_value(nowhere) or b"")
        assert rig.value("andon_deadletters_total", stage="event", reason="unknown_asset") == 1
        assert rig.value("andon_deadletters_total", stage="event", reason="schema") == 1
        assert await rig.names() == ["good"]
        await rig.mes.order("nowhere", "WC20")
        await rig.polled()
        assert await rig.names() == ["good", "nowhere"]


async def test_what_is_larger_than_the_broker_takes_is_set_aside(rig: Rig) -> None:
    await rig.mes.order("large")
    await rig.mes.do("UPDATE production_orders SET material_no = repeat('x', 1000000)")
    await rig.mes.order("small")
    async with rig.serving():
        await rig.polled()
        assert await rig.names() == ["small"]
        (letter,) = await rig.letters()
        assert letter.reason == DeadLetterReason.TOO_LARGE
        assert rig.value("andon_mes_events_total", **SAP) == 1
        assert rig.value("andon_deadletters_total", stage="event", reason="too_large") == 1


async def test_rows_that_the_key_does_not_tell_apart_are_set_aside_once(rig: Rig) -> None:
    await rig.mes.do("CREATE VIEW twice AS SELECT * FROM production_orders UNION ALL SELECT * FROM production_orders")
    await rig.mes.order("1")
    async with rig.serving(rig.system(orders(**{"from": "public.twice"}))):
        await rig.polled()
        await rig.polled()
        (letter,) = await rig.letters()
        assert "2 rows have this key" in letter.detail


async def test_a_system_that_is_away_is_waited_for_and_others_go_on(rig: Rig, postgres: str) -> None:
    await rig.mes.order("1")
    other = rig.system(orders(), name="other")
    (rig.folder / "other.dsn").write_text("postgresql://nobody@127.0.0.1:1/none")
    async with rig.serving(rig.system(orders()), other):
        await rig.polled()
        assert rig.value("andon_mes_away", **SAP) == 0
        assert rig.value("andon_mes_away", system="other", kind="order") == 1
        await rig.mes.go(away=True)
        await until(lambda: rig.value("andon_mes_away", **SAP) == 1)
        await rig.mes.go(away=False)
        await rig.mes.order("2")
        await rig.polled()
        assert rig.value("andon_mes_away", **SAP) == 0
        assert await rig.names() == ["1", "2"]


async def test_a_table_that_is_not_as_mapped_holds_up_no_other(rig: Rig) -> None:
    await rig.mes.order("1")
    batches = orders(kind="batch", **{"from": "public.batches"})
    async with rig.serving(rig.system(batches, orders())):
        await rig.polled()
        assert rig.value("andon_mes_away", system="sap", kind="batch") == 1
        await rig.mes.do("ALTER TABLE production_orders RENAME TO orders")
        await until(lambda: rig.value("andon_mes_away", **SAP) == 1)
        await rig.mes.do("CREATE TABLE batches AS SELECT * FROM orders")
        await rig.mes.do("ALTER TABLE orders RENAME TO production_orders")
        await rig.polled("batch")
        await rig.polled()
        assert {event["id"] for event in await rig.told()} == {"sap/batch/1", "sap/order/1"}


@pytest.mark.parametrize("view", ["nextval('touched')::text", "pg_sleep(5)::text"])
async def test_nothing_can_be_written_there_and_nothing_takes_for_ever(rig: Rig, view: str) -> None:
    await rig.mes.do("CREATE SEQUENCE touched; CREATE VIEW slow AS " + _slow(view))
    await rig.mes.order("1")
    trap = orders(kind="batch", name="trap", **{"from": "public.slow"})
    async with rig.serving(rig.system(trap, orders(), statement_timeout="200ms")):
        await rig.polled()
        assert rig.value("andon_mes_away", system="sap", kind="batch") == 1
        assert await rig.names() == ["1"]
    async with rig.mes.connected() as mes:
        assert await mes.fetchval("SELECT is_called FROM touched") is False


def _slow(column: str) -> str:
    return f"SELECT *, {column} AS trap FROM production_orders"


async def test_while_our_own_database_is_away_events_go_on_being_kept(rig: Rig) -> None:
    """What was sent and not noted is waited for: the next page is not read before."""
    await rig.mes.order("1")
    async with rig.serving():
        await rig.polled()
        dsn = rig.database.dsn.get_secret_value() if rig.database.dsn else ""
        blocked = await asyncpg.connect(dsn)
        try:
            async with blocked.transaction():
                await blocked.execute("LOCK TABLE andon.mes_told IN EXCLUSIVE MODE")
                await rig.mes.order("2")
                await until(lambda: _told(rig, 2))
                await blocked.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = 'andon-mes'"
                )
                await until(lambda: rig.value("andon_mes_store_retries_total") >= 1)
        finally:
            await blocked.close()
        await rig.polled()
        assert await rig.names() == ["1", "2"]


async def _told(rig: Rig, count: int) -> bool:
    return len(await rig.records()) >= count
