"""The alert stage: one poll's inferences in, changes of alerts out; the same ones after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import (
    Action,
    Alert,
    Context,
    DeadLetterReason,
    Decision,
    Feedback,
    Inference,
    LimitViolation,
    Verdict,
)
from andon.contracts.scoring import Contribution
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Processor, Result, StageSpec
from andon.uns import Stage
from services.alert.inbox import Inbox
from services.alert.processor import alert_stage
from services.alert.settings import AlertRules, AlertSettings

SECOND = 1_000_000
STEP = 10 * SECOND
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {
                "tags": {"flow": {"unit": "m^3/h"}},
                "model": {"open_after": "10s", "resolve_after": "20s"},
                "messages": [{"tag": "flow", "direction": "low", "text": "{asset}: flow {percent}% too low."}],
            }
        },
        "assets": {f"hall/pump-{number}": {"class": "pump"} for number in range(3)},
        "use_cases": [
            {
                "name": "fewer stops",
                "asset_class": "pump",
                "owner": "maintenance",
                "kpi": "stops per month",
                "baseline": 4,
                "target": 1,
            }
        ],
    }
)
STAGE: StageSpec = alert_stage(PLANT, AlertSettings(alert=AlertRules(blind_after=60 * SECOND)))
COLUMNS = event_schema(Inference, PLANT.classes["pump"]) | {"offset": pl.Int64(), "traceparent": pl.String()}

FLOW = Contribution(feature="flow_mean", tag="flow", share=1.0, value=3.0, normal=4.0, deviation=-9.0)
DRY = LimitViolation(tag="flow", bound="low_low", limit=1.0, value=0.5)
VERDICTS: dict[str, dict[str, Any]] = {
    ".": {"decision": Decision.NORMAL, "score": 0.5, "threshold": 1.0},
    "~": {"decision": Decision.NORMAL, "score": 0.95, "threshold": 1.0},
    "!": {"decision": Decision.ANOMALY, "score": 2.0, "threshold": 1.0, "contributions": [FLOW]},
    "?": {"decision": Decision.ABSTAIN, "score": None, "threshold": None, "reason": "too few good samples"},
    "C": {"decision": Decision.ABSTAIN, "score": None, "threshold": None, "limit_violations": [DRY]},
}
Row = dict[str, Any]
IN_MAINTENANCE = Context(maintenance="new bearing")


def row(sign: str, time: int, *, asset: str = "hall/pump-0", **fields: Any) -> Row:
    """Return one inference as a row; its offset is set by `frame`."""
    common: dict[str, Any] = {
        "id": f"{asset}@{time}",
        "asset": asset,
        "time": time,
        "start": max(0, time - STEP),
        "ingest_time": time + 1,
        "asset_class": "pump",
        "definition": "d",
        "model": None,
    }
    return Inference(**common | VERDICTS[sign] | fields).model_dump(mode="json")


def line(signs: str, **fields: Any) -> list[Row]:
    return [row(sign, i * STEP, **fields) for i, sign in enumerate(signs)]


def frame(rows: Sequence[Row], first: int = 0) -> pl.DataFrame:
    numbered = [one | {"offset": i, "traceparent": f"trace-{i}"} for i, one in enumerate(rows, first)]
    return pl.DataFrame(numbered, schema=COLUMNS)


def fresh(kept: dict[str, Any] | None = None, delivered: int = 0) -> Processor:
    return STAGE.open(kept or {}, delivered)


def with_inbox(inbox: Inbox, kept: dict[str, Any] | None = None, delivered: int = 0) -> Processor:
    rules = AlertRules(blind_after=60 * SECOND, shelf_limit=100 * STEP)
    return alert_stage(PLANT, AlertSettings(alert=rules), inbox).open(kept or {}, delivered)


def command(action: Action, opened: int, time: int, asset: str = "hall/pump-0", **fields: Any) -> Feedback:
    return Feedback(
        id=f"{asset}@{time}:feedback:{action}",
        asset=asset,
        time=time,
        ingest_time=time,
        alert=f"{asset}@{opened}:alert",
        action=action,
        author="anna",
        **fields,
    )


def heard(*commands: Feedback) -> Inbox:
    inbox = Inbox()
    for each in commands:
        inbox.tell(each)
    return inbox


def brief(*results: Result) -> list[tuple[str, int]]:
    """State and time, in windows, of each event."""
    return [(one["state"], one["time"] // STEP) for one in events(*results)]


def events(*results: Result) -> list[Row]:
    return [one for result in results for emit in result.emits for one in emit.rows.to_dicts()]


def test_an_alert_says_what_who_and_why() -> None:
    result = fresh().process("pump", frame(line("..!!"), first=100), 0)
    assert result.emits[0].stage is Stage.ALERT
    (event,) = events(result)
    assert (event.pop("first_offset"), event.pop("last_offset"), event.pop("traceparent")) == (102, 103, "trace-103")
    opened = 3 * STEP
    assert Alert.model_validate(event) == Alert(
        id=f"hall/pump-0@{opened}:alert:{opened}-open",
        asset="hall/pump-0",
        time=opened,
        ingest_time=opened + 1,
        alert=f"hall/pump-0@{opened}:alert",
        asset_class="pump",
        state="open",
        severity="warning",
        opened=opened,
        since=2 * STEP,
        message="Pump 0 (hall): flow 25% too low.",
        causes=["flow:anomaly"],
        use_case="fewer stops",
        owner="maintenance",
        score=2.0,
        threshold=1.0,
        contributions=[FLOW],
        inference=f"hall/pump-0@{opened}",
    )


def test_an_alert_keeps_its_name_through_its_life() -> None:
    told = events(fresh().process("pump", frame(line("!!C...")), 0))
    name = f"hall/pump-0@{STEP}:alert"
    assert [(one["alert"], one["state"], one["severity"], one["time"] // STEP) for one in told] == [
        (name, "open", "warning", 1),
        (name, "open", "critical", 2),
        (name, "resolved", "critical", 5),
    ]
    assert len({one["id"] for one in told}) == 3


def test_changes_are_counted_by_state() -> None:
    result = fresh().process("pump", frame(line("!!C...")), 0)
    counted = {(one.metric, one.labels["state"]): one.amount for one in STAGE.measure("pump", result)}
    assert counted == {("andon_alerts_total", "open"): 2, ("andon_alerts_total", "resolved"): 1}


def test_quiet_assets_leave_no_trace() -> None:
    processor = fresh()
    result = processor.process("pump", frame(line(".?~.") + line("!!", asset="hall/pump-1")), 0)
    assert list(result.state) == ["hall/pump-1@said", "hall/pump-1"]
    assert processor.process("pump", frame(line("....")), 0) == Result()
    assert processor.tick(0, 0) == Result()
    assert processor.needed_from() is None


def test_a_shadow_never_alerts_and_a_canary_does() -> None:
    assert fresh().process("pump", frame(line("!!!!CCC...", role="shadow")), 0) == Result()
    assert len(events(fresh().process("pump", frame(line("!!", role="canary")), 0))) == 1


def test_fields_that_the_sender_left_out_have_their_defaults() -> None:
    sparse = frame(line("!!")).with_columns(
        pl.lit(None, COLUMNS[name]).alias(name) for name in ("role", "origin", "contributions", "limit_violations")
    )
    (event,) = events(fresh().process("pump", sparse, 0))
    assert "no single signal stands out" in event["message"]


def test_a_broken_row_is_rejected_and_its_neighbours_go_on() -> None:
    rows = line("!!!")
    rows[1]["contributions"] = [FLOW.model_dump() | {"share": None}]
    result = fresh().process("pump", frame(rows, first=7), 0)
    (rejected,) = result.rejected
    assert (rejected.offset, rejected.reason) == (8, DeadLetterReason.SCHEMA)
    assert "contributions.0.share" in rejected.detail
    assert [one["time"] for one in events(result)] == [2 * STEP]


def test_below_delivered_rows_rebuild_and_tell_nothing() -> None:
    rows = line("!!....")
    rows[2]["decision"] = None
    result = fresh(delivered=5).process("pump", frame(rows), 0)
    assert [(one["state"], one["last_offset"]) for one in events(result)] == [("resolved", 5)]
    assert result.rejected == ()


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    """Windows of several assets, in order, with gaps, shadows, and repeats as a crash upstream makes them."""
    signs = st.text(alphabet="..~!!!?C", max_size=25)
    per_asset: list[list[Row]] = []
    for number in range(draw(st.integers(1, 3))):
        time, rows = 0, []
        for sign in draw(signs):
            time += STEP * draw(st.sampled_from([1, 1, 1, 2, 9]))
            rows.append(row(sign, time, asset=f"hall/pump-{number}"))
        again = draw(st.integers(0, len(rows)))
        repeated_from = draw(st.integers(0, again))
        per_asset.append([*rows[:again], *rows[repeated_from:]])
    order = draw(st.permutations([number for number, rows in enumerate(per_asset) for _ in rows]))
    queues = [iter(rows) for rows in per_asset]
    return [next(queues[number]) for number in order]


def run(rows: Sequence[Row], cuts: Sequence[int], kept: dict[str, Any], start: int = 0) -> list[Row]:
    """Process rows[start:] in batches that end at `cuts`; `kept` is the table of states, updated batch by batch."""
    processor, told = fresh(kept), []
    for first, last in zip([start, *cuts], [*cuts, len(rows)], strict=True):
        result = processor.process("pump", frame(rows[first:last], first), 0)
        kept |= result.state
        told += events(result)
    return told


@given(streams(), st.data())
def test_any_split_into_batches_tells_the_same(rows: list[Row], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    whole: dict[str, Any] = {}
    split: dict[str, Any] = {}
    assert run(rows, [], whole) == run(rows, cuts, split)
    assert whole == split


@given(streams(), st.data())
def test_a_crash_repeats_events_but_never_makes_others(rows: list[Row], data: st.DataObject) -> None:
    original = run(rows, [], {})
    stored = data.draw(st.integers(0, len(rows)), label="rows that the stored state has seen")
    again = data.draw(st.integers(0, stored), label="row that is read first after the crash")
    kept: dict[str, Any] = {}
    before = run(rows[:stored], [], kept)
    after = run(rows, [], kept, start=again)
    assert after == original[len(before) :]


@given(streams(), st.data())
def test_a_crash_before_the_state_is_stored_repeats_the_same_events(rows: list[Row], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    kept: dict[str, Any] = {}
    before = run(rows[:cut], [], kept)
    lost = run(rows, [], dict(kept), start=cut)
    assert run(rows, [], kept, start=cut) == lost
    assert before + lost == run(rows, [], {})


@given(streams())
def test_every_event_is_a_valid_alert_with_its_own_id(rows: list[Row]) -> None:
    told = events(fresh().process("pump", frame(rows), 0))
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        Alert.model_validate(one)
        assert one["first_offset"] <= one["last_offset"]


def test_history_neither_opens_nor_ends_a_live_alert() -> None:
    live, history = line("!!..!!..."), line("...!!!!!..", origin="backfill")
    mixed = [one for pair in zip(live, history, strict=False) for one in pair]
    alone = events(fresh().process("pump", frame(live), now=0))
    both = events(fresh().process("pump", frame(mixed), now=0))
    named = ("id", "alert", "state", "opened")
    assert [[each[name] for name in named] for each in both if each["origin"] == "live"] == [
        [each[name] for name in named] for each in alone
    ]
    (opened,) = [each for each in both if each["origin"] == "backfill"]
    assert opened["alert"] == f"hall/pump-0@{4 * STEP}:alert@backfill"


def test_after_a_restart_history_and_live_go_on_apart() -> None:
    live, history = line("!!!!"), line("....!!", origin="backfill")
    before = fresh().process("pump", frame([*live[:3], *history]), now=0)
    assert {"hall/pump-0", "hall/pump-0@backfill"} <= set(before.state)
    after = fresh(dict(before.state), delivered=9).process("pump", frame(line("...!....")[4:], first=9), now=0)
    assert [(each["origin"], each["state"]) for each in events(after)] == [("live", "resolved")]


def test_an_acknowledged_alert_says_who_took_it_and_the_rest_as_before() -> None:
    taken = command(Action.ACKNOWLEDGE, STEP, 5 * STEP, note="on my way")
    inbox = Inbox()
    processor = with_inbox(inbox)
    (opened,) = events(processor.process("pump", frame(line("!!")), 0))
    inbox.tell(taken)
    result = processor.tick(0, 0)
    (told,) = events(result)
    assert Alert.model_validate(told).state == "acknowledged"
    assert told["acknowledged"] == {"author": "anna", "time": 5 * STEP, "note": "on my way"}
    changed = {"id", "state", "time", "ingest_time", "acknowledged"}
    assert {name for name in told if told[name] != opened[name]} == changed
    assert (told["id"], told["time"]) == (f"hall/pump-0@{5 * STEP}:alert:{STEP}-acknowledged", 5 * STEP)
    assert next(iter(STAGE.measure("", result))).labels == {"asset_class": "pump", "state": "acknowledged"}
    assert processor.tick(0, 0) == Result()


def test_what_is_worse_reopens_an_acknowledged_alert_and_only_calm_ends_it() -> None:
    processor = with_inbox(heard(command(Action.ACKNOWLEDGE, STEP, STEP)))
    told = brief(*(processor.process("pump", frame([one], i), 0) for i, one in enumerate(line("!!!!C!C...."))))
    assert told == [("open", 1), ("acknowledged", 1), ("open", 4), ("resolved", 9)]


def test_a_command_that_is_heard_again_changes_nothing() -> None:
    taken = command(Action.ACKNOWLEDGE, STEP, STEP)
    before = with_inbox(heard(taken))
    rows = line("!!!!C!....")
    results = [before.process("pump", frame([one], i), 0) for i, one in enumerate(rows[:6])]
    kept = {lane: state for result in results for lane, state in result.state.items()}
    after = with_inbox(heard(taken, taken), kept)
    assert after.tick(0, 0) == Result()
    assert brief(after.process("pump", frame(rows), 0)) == [("resolved", 8)]


@settings(max_examples=30, deadline=None)  # a frame for each window
@given(st.text(alphabet="..!!!C", min_size=4, max_size=20), st.data())
def test_what_was_acknowledged_before_a_crash_is_acknowledged_after_it(signs: str, data: st.DataObject) -> None:
    rows = line("!!" + signs)
    taken = command(Action.ACKNOWLEDGE, STEP, STEP)
    whole = with_inbox(heard(taken))
    expected = events(*(whole.process("pump", frame([one], i), 0) for i, one in enumerate(rows)))
    stored = data.draw(st.integers(0, len(rows)), label="rows that the stored state has seen")
    before, kept = with_inbox(heard(taken)), dict[str, Any]()
    for i, one in enumerate(rows[:stored]):
        kept |= before.process("pump", frame([one], i), 0).state
    after = with_inbox(heard(taken), kept)
    again = events(*(after.process("pump", frame([one], i), 0) for i, one in enumerate(rows)))
    assert again == expected[len(expected) - len(again) :]


def test_a_command_about_another_alert_or_a_verdict_changes_nothing() -> None:
    other = command(Action.ACKNOWLEDGE, 7 * STEP, 8 * STEP)
    history = command(Action.ACKNOWLEDGE, STEP, STEP).model_copy(update={"alert": f"hall/pump-0@{STEP}:alert@backfill"})
    verdict = command(Action.VERDICT, STEP, STEP, verdict=Verdict.REAL)
    processor = with_inbox(heard(other, history, verdict))
    assert brief(processor.process("pump", frame(line("!!")), 0), processor.tick(0, 0)) == [("open", 1)]


def test_a_shelved_asset_is_silent_until_the_time_is_over() -> None:
    shelve = command(Action.SHELVE, STEP, STEP, until=9 * STEP)
    processor = with_inbox(heard(shelve))
    rows = line("!!!....!!!!")
    told = events(*(processor.process("pump", frame([one], i), 0) for i, one in enumerate(rows)))
    assert [(one["state"], one["time"] // STEP, one["suppressed_by"]) for one in told] == [
        ("open", 1, None),
        ("suppressed", 1, "shelved"),
        ("resolved", 5, None),
        ("suppressed", 8, "shelved"),  # a new alert, and still shelved
        ("open", 10, None),
    ]


def test_nothing_is_shelved_for_longer_than_allowed() -> None:
    shelve = command(Action.SHELVE, STEP, STEP, until=10_000 * STEP)
    processor = with_inbox(heard(shelve))
    rows = line("!" * 104)
    told = brief(*(processor.process("pump", frame([one], i), 0) for i, one in enumerate(rows)))
    assert told == [("open", 1), ("suppressed", 1), ("open", 102)]


def test_an_alert_in_maintenance_is_told_as_suppressed_and_why() -> None:
    rows = [row("!", i * STEP, context=IN_MAINTENANCE if i < 2 else None) for i in range(4)]
    suppressed, released = events(fresh().process("pump", frame(rows), 0))
    assert (suppressed["state"], suppressed["suppressed_by"]) == ("suppressed", "maintenance")
    assert suppressed["message"].endswith("Suppressed while maintenance is under way.")
    assert (released["state"], released["alert"]) == ("open", suppressed["alert"])
