"""The watch over sources: silence, planned stops, clocks, completeness, and the topic that tells of planned stops."""

from __future__ import annotations

import asyncio
import contextlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.plant_events import Told, follow_events
from andon.stream.producer import BatchProducer
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from services.ingest.vigil.completeness import Completeness, Samples
from services.ingest.vigil.planned import PlannedStops
from services.ingest.vigil.silence import WATCH_INTERVAL, Silence
from services.ingest.vigil.skew import Skew

SECOND = 1_000_000
MINUTE = 60 * SECOND
NOW = 28_333_333 * MINUTE
PUMP = "area/line/pump"


def plant(site: str = "north", scan: str = "1s") -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": site,
            "classes": {"pump": {"scan": scan, "tags": {"flow": {}, "hours": {"rate_hz": 0.1}}}},
            "assets": {PUMP: {"class": "pump"}, "area/line/spare": {"class": "pump"}},
        }
    )


def event(kind: str, start: float, end: float | None = None, asset: str | None = PUMP, name: str = "x") -> PlantEvent:
    until = None if end is None else NOW + round(end * SECOND)
    times = {"id": f"{asset}{kind}{start}", "time": NOW + round(start * SECOND), "end": until}
    return PlantEvent.model_validate({**times, "asset": asset, "kind": kind, "name": name})


def told(silence: Silence, until: float, *events: PlantEvent) -> list[tuple[float, PlantEvent]]:
    """When (seconds after NOW) which events come, if the watch is kept from NOW on and nobody speaks."""
    stops = PlannedStops()
    for each in events:
        stops.add(each)
    moments = range(NOW, NOW + round(until * SECOND), WATCH_INTERVAL)
    return [((now - NOW) / SECOND, found) for now in moments for found in silence.tick(now, stops.last)]


def watching() -> Silence:
    silence = Silence(plant())
    silence.claim([PUMP], NOW)
    return silence


def test_silence_is_told_once_within_three_intervals_and_its_end_too() -> None:
    silence = watching()
    [(when, gone)] = told(silence, 60)
    assert when <= 3
    assert (gone.kind, gone.asset, gone.time) == ("source_silent", PUMP, NOW)
    assert silence.silent == 1
    [back] = silence.heard([PUMP], NOW + 60 * SECOND)
    assert (back.kind, back.time) == ("source_back", NOW + 60 * SECOND)
    assert silence.silent == 0
    assert not silence.heard([PUMP], NOW + 61 * SECOND)


def test_an_asset_that_no_source_claims_is_watched_from_its_first_word_on() -> None:
    silence = Silence(plant())
    assert not told(silence, 60)
    silence.heard([PUMP], NOW)
    assert [found.asset for _, found in told(silence, 60)] == [PUMP]


def test_whoever_speaks_again_in_time_is_never_told_of() -> None:
    silence = watching()
    for second in range(30):
        assert not silence.tick(NOW + second * SECOND, PlannedStops().last)
        silence.heard([PUMP], NOW + second * SECOND)


@pytest.mark.parametrize("step", [3_600, -3_600])
def test_a_clock_that_is_set_makes_nobody_silent_and_hides_no_silence(step: int) -> None:
    silence, completeness = Silence(plant()), Completeness(plant())
    talks, stops = "area/line/spare", PlannedStops().last
    silence.claim([PUMP, talks], NOW)
    completeness.count(frames(0), NOW)
    after = NOW + (step + 1) * SECOND
    silence.heard([talks], after)  # it speaks between the step and our look at the clock
    silence.clock_set(step * SECOND, after)
    completeness.clock_set(step * SECOND, after)
    assert not silence.tick(after, stops)
    assert {event.asset for event in silence.tick(after + 2 * SECOND, stops)} == {PUMP}
    completeness.tick(after + 2 * SECOND)
    assert list(completeness.take()) == []
    completeness.tick(after + 2 * MINUTE)
    assert [samples.received for samples in completeness.take()] == [0]


def test_scans_that_are_shorter_than_networks_stutter_do_not_make_silences() -> None:
    silence = Silence(plant(scan="10ms"))
    silence.claim([PUMP], NOW)
    assert [1 < when <= 1.25 for when, _ in told(silence, 60)] == [True]


def test_the_same_silence_has_the_same_id_after_a_restart() -> None:
    [(_, first)], [(_, again)] = told(watching(), 9), told(watching(), 9)
    assert first.id == again.id


def test_a_silence_counts_from_the_end_of_a_planned_stop_of_the_asset_or_of_what_it_is_part_of() -> None:
    for place in (PUMP, "area/line", "area", None):
        for length in (5.0, 9.9, 60.0):
            [(when, found)] = told(watching(), 90, event("maintenance", -1, length, place))
            assert length + 2.5 <= when <= length + 3
            assert found.time == NOW + round(length * SECOND)


def test_stops_of_others_and_other_events_excuse_nobody() -> None:
    others = (
        event("maintenance", 0, None, "area/line/spare"),
        event("shift", 0),
        event("machine_state", 0, name="run"),
    )
    assert len(told(watching(), 9, *others)) == 1


def test_a_state_lasts_until_the_next_one_in_whatever_order_they_come() -> None:
    states = [event("machine_state", 0, name="planned_stop"), event("machine_state", 20, name="running")]
    for order in (states, states[::-1], states * 2):
        [(when, _)] = told(watching(), 60, *order)
        assert 22.5 <= when <= 23
    assert not told(watching(), 60, states[0])


def test_stops_that_are_long_over_are_forgotten_and_lasting_ones_are_not() -> None:
    stops = PlannedStops()
    stops.add(event("maintenance", 0, 5))
    stops.add(event("machine_state", 0, name="planned_stop"))
    stops.forget(NOW + 10 * SECOND)
    assert stops.last(PUMP, NOW + 20 * SECOND, NOW + 30 * SECOND) == NOW + 30 * SECOND
    stops.add(event("machine_state", 12, name="running"))
    assert stops.last(PUMP, NOW, NOW + 30 * SECOND) == NOW + 12 * SECOND


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10), st.sampled_from([PUMP, "area", None])), max_size=6),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_the_last_stop_is_what_looking_at_each_second_finds(
    stops: list[tuple[int, int, str | None]], since: int, length: int
) -> None:
    index, now = PlannedStops(), since + length
    for number, (start, lasts, place) in enumerate(stops):
        index.add(event("maintenance", start, start + lasts, place).model_copy(update={"id": str(number)}))
    still = [
        min(second + 1, now) for second in range(since, now + 1) for at, lasts, _ in stops if at <= second < at + lasts
    ]
    assert index.last(PUMP, NOW + since * SECOND, NOW + now * SECOND) == NOW + max(still, default=since) * SECOND


def test_skew_is_the_largest_lead_of_five_minutes() -> None:
    skew = Skew()
    assert skew.seconds is None
    for second, ahead in enumerate((-3.0, -0.2, -9.0)):
        skew.note(round(ahead * SECOND), NOW + second * SECOND)
    assert skew.seconds == -0.2
    for second in range(10, 311, 10):
        skew.note(-2 * SECOND, NOW + second * SECOND)
    assert skew.seconds == -2


def frames(*seconds: int, carried: bool = False) -> pl.DataFrame:
    times = [NOW + second * SECOND for second in seconds]
    none = [None] * len(times)
    values = pl.DataFrame({"flow": [1.0] * len(times), "hours": none}, schema={"flow": pl.Float64, "hours": pl.Float64})
    source = pl.DataFrame(
        {"flow": times if carried else none, "hours": none}, schema={"flow": pl.Int64, "hours": pl.Int64}
    )
    return pl.DataFrame(
        {"asset": [PUMP] * len(times), "time": times, "values": values.to_struct(), "carried": source.to_struct()}
    )


def test_samples_are_counted_by_whole_minutes_and_carried_ones_are_none() -> None:
    completeness = Completeness(plant())
    completeness.count(frames(*range(30, 60)), NOW + 60 * SECOND)
    completeness.count(frames(*range(60, 110)), NOW + 110 * SECOND)
    completeness.count(frames(110, 111, carried=True), NOW + 112 * SECOND)
    completeness.count(frames(120), NOW + 120 * SECOND)
    assert list(completeness.take()) == [Samples(PUMP, 66.0, 51)]
    assert list(completeness.take()) == []


def test_an_asset_that_has_fallen_silent_still_owes_its_whole_minutes() -> None:
    completeness = Completeness(plant())
    completeness.count(frames(30), NOW + 30 * SECOND)
    for second in range(31, 30 + 3 * 60 + 1):
        completeness.tick(NOW + second * SECOND)
    assert list(completeness.take()) == [Samples(PUMP, 2 * 66.0, 0)]


def said(value: bytes) -> Line:
    return Line(PUMP.encode(), value, [])


async def test_events_of_the_topic_are_followed_from_its_beginning_on(kafka: KafkaSettings, site: str) -> None:
    model, found = plant(site), asyncio.Queue[PlantEvent]()
    topic = topic_name(model, Stage.EVENT)
    await ensure_topics(kafka, model)
    producer = BatchProducer(kafka)
    await producer.start()
    early, late = event("maintenance", 0, 5), event("maintenance", 10, 15)
    try:
        await producer.deliver(topic, 0, [said(b"no event"), said(early.model_dump_json().encode())])

        def take(told: Told) -> None:
            if told.event:
                found.put_nowait(told.event)

        following = asyncio.create_task(follow_events(kafka, topic, take))
        async with asyncio.timeout(30):
            assert await found.get() == early
            await producer.deliver(topic, 1, [said(late.model_dump_json().encode())])
            assert await found.get() == late
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    finally:
        await producer.stop()
