"""Rows become events: places, times across both switches of the clocks, and what cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import DeadLetterReason, PlantEvent
from andon.uns.places import places_of
from services.mes.event import EventMaker, Refusal, Row
from services.mes.mapping import Table
from tests.mes.plant import LINE, PUMP, plant

PLACES = places_of(plant().assets)


def maker(**changes: Any) -> EventMaker:
    table = {
        "kind": "order",
        "from": "public.orders",
        "watermark": "changed",
        "key": "number",
        "name": "number",
        "place": {"column": "centre", "map": {"WC10": PUMP, "WC20": LINE, "ALL": ""}},
        "start": "started",
        "end": "finished",
        "attributes": {"product": "material", "quantity": "quantity"},
        "time_zone": "Europe/Berlin",
    } | changes
    return EventMaker("sap", Table.model_validate_json(json.dumps(table)), PLACES)


def row(**changes: str | None) -> Row:
    return {
        "number": "4711",
        "centre": "WC10",
        "started": "2026-03-01 06:00:00+00",
        "finished": None,
        "material": "water",
        "quantity": "12.50",
    } | changes


def told(made: PlantEvent | Refusal | None) -> PlantEvent:
    assert isinstance(made, PlantEvent)
    return made


def utc(text: str) -> int:
    return int((datetime.fromisoformat(text).replace(tzinfo=UTC)).timestamp()) * 1_000_000


def test_a_row_becomes_an_event() -> None:
    assert maker().event(row()) == PlantEvent(
        id="sap/order/4711",
        time=utc("2026-03-01T06:00"),
        end=None,
        asset=PUMP,
        kind="order",
        name="4711",
        attributes={"product": "water", "quantity": "12.50"},
    )


@pytest.mark.parametrize(("centre", "place"), [("WC10", PUMP), ("WC20", LINE), ("ALL", None)])
def test_a_place_is_an_asset_or_a_level_above_it_or_the_site(centre: str, place: str | None) -> None:
    assert told(maker().event(row(centre=centre))).asset == place


def test_a_place_may_be_the_column_as_it_is_or_the_same_for_all() -> None:
    assert told(maker(place="centre").event(row(centre=LINE))).asset == LINE
    assert told(maker(place={"value": ""}).event(row(centre=None))).asset is None


def test_what_is_null_is_no_attribute() -> None:
    assert told(maker().event(row(material=None))).attributes == {"quantity": "12.50"}


def test_what_has_not_begun_is_passed_over() -> None:
    assert maker().event(row(started=None)) is None


def test_keys_of_several_columns_do_not_meet() -> None:
    several = maker(key=["number", "material"])
    ids = {told(several.event(row(number=a, material=b))).id for a, b in (("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c"))}
    assert len(ids) == 3
    assert told(maker().event(row(number="PO/1"))).id == "sap/order/PO/1"


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("2026-01-15 06:00:00", "2026-01-15T05:00"),
        ("2026-07-15 06:00:00", "2026-07-15T04:00"),
        ("2026-03-29 01:59:00", "2026-03-29T00:59"),
        ("2026-03-29 02:30:00", "2026-03-29T01:30"),  # the clocks skip it: 03:30 in summer time
        ("2026-03-29 03:00:00", "2026-03-29T01:00"),
        ("2026-10-25 01:59:00", "2026-10-24T23:59"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30"),  # the first of two
        ("2026-10-25 03:00:00", "2026-10-25T02:00"),
        ("2026-10-25 02:30:00+01", "2026-10-25T01:30"),  # an offset says which
        ("2026-10-25", "2026-10-24T22:00"),
    ],
)
def test_times_without_a_zone_across_both_switches(local: str, instant: str) -> None:
    assert told(maker().event(row(started=local))).time == utc(instant)


def test_an_end_in_the_hour_that_is_there_twice_does_not_lie_before_its_start() -> None:
    made = told(maker().event(row(started="2026-10-25 02:50:00", finished="2026-10-25 02:10:00")))
    assert (made.time, made.end) == (utc("2026-10-25T00:50"), utc("2026-10-25T01:10"))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_time_with_an_offset_is_exact(local: datetime, minutes: int) -> None:
    sign, (hours, rest) = "+-"[minutes < 0], divmod(abs(minutes), 60)
    text = f"{local.isoformat(sep=' ')}{sign}{hours:02}:{rest:02}"
    expected = (local - datetime(1970, 1, 1) - timedelta(minutes=minutes)) // timedelta(microseconds=1)
    assert told(maker(time_zone=None).event(row(started=text))).time == expected


PRODUCT = {"kind": "product", "attributes": {"unit": "quantity", "item_time": "material"}}
STATE = {"kind": "machine_state"}
SCHEMA, PLACE, UNIT = DeadLetterReason.SCHEMA, DeadLetterReason.UNKNOWN_ASSET, DeadLetterReason.UNIT


@pytest.mark.parametrize(
    ("changes", "table", "reason", "said"),
    [
        ({"number": None}, {}, SCHEMA, "number is null, and is part of the key"),
        ({"number": ""}, {}, SCHEMA, "name: number is empty"),
        ({"centre": "WC99"}, {}, PLACE, "place: centre is 'WC99', which `map` does not name (add it)"),
        ({"centre": None}, {}, PLACE, "place: centre is empty"),
        ({"centre": ""}, {"place": "centre"}, PLACE, "place: centre is empty"),
        ({"centre": "water/line-7"}, {"place": "centre"}, PLACE, "place: no asset is at 'water/line-7' or below it"),
        ({"finished": "2026-03-01 05:59:59+00"}, {}, SCHEMA, "lies before time"),
        ({"started": "soon"}, {}, SCHEMA, "'soon' is no time"),
        ({"started": "infinity"}, {}, SCHEMA, "'infinity' is no time"),
        ({"finished": "0044-03-15 00:00:00 BC"}, {}, SCHEMA, "is no time"),
        ({"finished": "9999-12-31 23:59:59-12"}, {}, SCHEMA, "lies too far away"),
        ({"started": "1960-01-01 00:00:00+00"}, {}, SCHEMA, "greater than or equal to 0"),
        ({"started": "2026-03-01 06:00:00"}, {"time_zone": None}, SCHEMA, "has no time zone (add `time_zone`"),
        ({"material": None}, {"revision": "material"}, SCHEMA, "revision: material is None"),
        ({"material": "-1"}, {"revision": "material"}, SCHEMA, "revision: material is '-1'"),
        ({"material": "²"}, {"revision": "material"}, SCHEMA, "revision: material is '²'"),
        ({"number": "busy"}, STATE, SCHEMA, "name: 'busy' is no machine state (map it to one of running, idle"),
        ({"quantity": "barrelz"}, PRODUCT, UNIT, "unit: 'barrelz' is no unit"),
        ({"quantity": "kg", "material": "2"}, PRODUCT, SCHEMA, "item_time: '2' is no duration"),
        ({"material": "b"}, {"attributes": {"x": {"column": "material", "map": {"a": "1"}}}}, SCHEMA, "x: material is"),
    ],
)
def test_what_cannot_be_used_says_why(
    changes: dict[str, str | None], table: dict[str, Any], reason: DeadLetterReason, said: str
) -> None:
    made = maker(**table).event(row(**changes))
    assert isinstance(made, Refusal)
    assert made.reason == reason
    assert said in made.detail


@pytest.mark.parametrize("unit", ["kg", "m**3", "pieces"])
def test_units_of_products_are_those_of_measurement_and_pieces(unit: str) -> None:
    made = told(maker(**PRODUCT).event(row(quantity=unit, material="2s")))
    assert made.attributes == {"unit": unit, "item_time": "2s"}


@given(st.dictionaries(st.sampled_from(sorted(row())), st.none() | st.text("aW /%²0129-:+TZ", max_size=30)))
def test_any_row_is_an_event_or_says_why_it_is_none(changes: dict[str, str | None]) -> None:
    made = maker(place="centre").event(row(**changes))
    assert made is None or isinstance(made, PlantEvent | Refusal)
