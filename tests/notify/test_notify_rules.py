"""Routes, answers, signatures and offsets: what the notify service decides without asking anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.clock import SECOND
from andon.contracts import Alert, AlertState
from andon.contracts.alerting import Severity
from andon.plant.routes import Route
from andon.stream.stage import Rejected
from andon.telemetry import configure_logs
from services.notify.answer import Answer, Later, Refused, Taken, judge, wait_of
from services.notify.notification import Notification, read_record
from services.notify.offsets import Offsets
from services.notify.routing import destinations, fits
from services.notify.signature import signature
from services.notify.sinks.log import LogSink
from tests.notify.alerts import FAN, PUMP, T0, Read, alert, parcel, record

SINKS = ("pager", "scada")


@pytest.mark.parametrize(
    ("route", "event", "expected"),
    [
        ({}, alert(), True),
        ({"severity": "critical"}, alert(severity="warning"), False),
        ({"severity": "warning"}, alert(severity="critical"), True),
        ({"asset_class": "pump"}, alert(PUMP), True),
        ({"asset_class": "pump"}, alert(FAN), False),
        ({"place": "water"}, alert(PUMP), True),
        ({"place": "water/line-1"}, alert(PUMP), True),
        ({"place": PUMP}, alert(PUMP), True),
        ({"place": "water/line-1"}, alert(FAN), False),
        ({"place": "water/line"}, alert(PUMP), False),
        ({"owner": "Maintenance North"}, alert(PUMP), True),
        ({"owner": "Maintenance North"}, alert(FAN), False),
        ({"use_case": "Dry running"}, alert(PUMP), True),
        ({"states": ["open"]}, alert(state=AlertState.OPEN), True),
        ({"states": ["open"]}, alert(state=AlertState.RESOLVED), False),
        ({}, alert(state=AlertState.ACKNOWLEDGED), True),
        ({}, alert(state=AlertState.SUPPRESSED), False),
        ({"states": ["suppressed"]}, alert(state=AlertState.SUPPRESSED), True),
        ({"severity": "critical", "place": "water"}, alert(severity="info"), False),
    ],
)
def test_a_route_fits_when_all_that_it_gives_fits(route: dict[str, Any], event: Alert, expected: bool) -> None:
    assert fits(Route.model_validate({"to": ["pager"]} | route), event) is expected


def test_all_routes_that_fit_count_and_without_any_everybody_is_told() -> None:
    routes = [Route(to=("scada",)), Route(to=("pager",), severity="critical")]
    assert destinations([], alert(), SINKS) == {"pager", "scada"}
    assert destinations(routes, alert(), SINKS) == {"scada"}
    assert destinations(routes, alert(severity="critical"), SINKS) == {"pager", "scada"}
    assert destinations(routes[1:], alert(), SINKS) == set(), "nobody, when there are routes and none fits"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Taken()),
        (202, Taken()),
        (204, Taken()),
        (302, Refused("HTTP 302: redirects are not followed (correct `url`)")),
        (400, Refused("HTTP 400: why")),
        (404, Refused("HTTP 404: why")),
        (408, Later("HTTP 408: why", 7 * SECOND)),
        (429, Later("HTTP 429: why", 7 * SECOND)),
        (500, Later("HTTP 500: why", 7 * SECOND)),
        (503, Later("HTTP 503: why", 7 * SECOND)),
    ],
)
def test_what_a_status_means(status: int, expected: Answer) -> None:
    assert judge(status, "7", "why", T0) == expected


def test_a_wait_is_given_in_seconds_or_as_a_date() -> None:
    date = format_datetime(datetime.fromtimestamp(T0 / SECOND + 60, UTC), usegmt=True)
    assert wait_of(date, T0) == 60 * SECOND
    assert wait_of("120", T0) == 120 * SECOND
    assert wait_of("9" * 50, T0) == 86_400 * SECOND, "a day at most"
    assert wait_of("Thu, 01 Jan 1970 00:00:00 GMT", T0) == 0


@given(
    text=st.none() | st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4,5} \d\d:\d\d:\d\d [-+]\d{4}")
)
def test_no_wait_breaks_the_reader(text: str | None) -> None:
    assert 0 <= wait_of(text, T0) <= 86_400 * SECOND


def test_a_signature_depends_on_secret_time_and_body() -> None:
    same = signature("secret", b"{}", T0)
    others = {signature("secret", b"{ }", T0), signature("secreT", b"{}", T0), signature("secret", b"{}", T0 + SECOND)}
    assert len({same, *others}) == 4


@given(start=st.integers(0, 100), gaps=st.lists(st.integers(1, 3), max_size=20), data=st.data())
def test_an_offset_is_reached_when_all_before_it_are_done(start: int, gaps: list[int], data: st.DataObject) -> None:
    offsets, begun, done, following = Offsets(start), list[int](), set[int](), start
    for gap in gaps:
        offsets.begin(following + gap - 1)
        begun.append(following + gap - 1)
        following += gap
        for each in data.draw(st.sets(st.sampled_from(sorted(set(begun) - done)))) if set(begun) - done else ():
            offsets.done(each)
            done.add(each)
        undone = [each for each in begun if each not in done]
        assert offsets.reached == (undone[0] if undone else following)
        assert offsets.waiting == len(undone)


@pytest.mark.parametrize(("severity", "level"), [("info", "info"), ("warning", "warning"), ("critical", "error")])
async def test_the_log_tells_an_alert_at_the_level_of_its_severity(
    severity: Severity, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("notify")
    assert await LogSink().deliver(parcel(severity=severity).notification) == Taken()
    line = orjson.loads(capsys.readouterr().err)
    assert (line["level"], line["event"], line["asset"], line["id"]) == (level, "alert", PUMP, alert().id)


def test_a_record_is_told_as_it_is_on_the_bus_or_refused_with_the_reason() -> None:
    read = read_record(record(alert()))
    assert isinstance(read, Notification)
    assert (read.key, read.body) == (alert().id, alert().model_dump_json().encode())
    bad = {
        b"{": "not_json",
        b"{}": "schema",
        None: "not_json",
        alert(id="a\n").model_dump_json().encode(): "schema",
        alert(FAN).model_dump_json().encode(): "key_mismatch",
    }
    for value, reason in bad.items():
        refused = read_record(Read(value))
        assert isinstance(refused, Rejected)
        assert refused.reason == reason
