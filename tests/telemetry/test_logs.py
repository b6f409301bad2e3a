"""Logs: one JSON object a line, with the service, without secrets and without chatter."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any, Literal

import pytest
import structlog

from andon.telemetry import configure_logs, get_logger

#: Does not stand in any line of code, which tracebacks quote.
SECRET = "hush".upper()

Captured = pytest.CaptureFixture[str]


def lines(capsys: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_holds_time_level_service_and_what_is_bound(capsys: Captured) -> None:
    configure_logs("feature")
    get_logger("andon.test").bind(traceparent="00-ab").warning("late", asset="line/pump-1", count=3)
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "late",
        "level": "warning",
        "service": "feature",
        "logger": "andon.test",
        "traceparent": "00-ab",
        "asset": "line/pump-1",
        "count": 3,
    }


def test_lines_of_other_threads_and_of_libraries_name_the_service_too(capsys: Captured) -> None:
    configure_logs("feature")
    thread = threading.Thread(target=lambda: get_logger("x").info("from a thread"))
    thread.start()
    thread.join()
    logging.getLogger("asyncpg").info("from %s", "a library")
    assert [(line["event"], line["service"]) for line in lines(capsys)] == [
        ("from a thread", "feature"),
        ("from a library", "feature"),
    ]


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lines_below_the_level_are_not_written(capsys: Captured, level: str, written: int) -> None:
    configure_logs("feature", level=level)
    for log in (structlog.stdlib.get_logger("ours"), logging.getLogger("theirs")):
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)(name)
    kept = ["debug", "info", "warning", "error"][-written:]
    assert [line["level"] for line in lines(capsys)] == kept * 2


@pytest.mark.parametrize("library", ["aiokafka", "aiokafka.consumer.fetcher", "faust.app", "mode", "aiohttp.access"])
def test_what_libraries_say_of_every_poll_is_left_out_and_their_warnings_stay(capsys: Captured, library: str) -> None:
    configure_logs("feature", level="debug")
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger(library), level)("heartbeat")
    assert [(line["logger"], line["level"]) for line in lines(capsys)] == [(library, "warning")]


def log_a_failure() -> None:
    def connect(password: str) -> None:
        raise ConnectionError(f"refused {len(password)}")

    for log in (structlog.stdlib.get_logger("ours"), logging.getLogger("theirs")):
        try:
            connect(SECRET)
        except ConnectionError:
            log.exception("cannot connect")


def test_an_exception_is_a_field_with_its_frames(capsys: Captured) -> None:
    configure_logs("feature")
    log_a_failure()
    text = capsys.readouterr().err
    for line in map(json.loads, text.splitlines()):
        assert (line["event"], line["level"]) == ("cannot connect", "error")
        (exception,) = line["exception"]
        assert (exception["exc_type"], exception["exc_value"]) == ("ConnectionError", "refused 4")
        assert [frame["name"] for frame in exception["frames"]] == ["log_a_failure", "connect"]
        assert "locals" not in exception["frames"][0]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_form_shows_the_values_of_variables(capsys: Captured, form: Literal["json", "console"]) -> None:
    configure_logs("feature", form=form)
    log_a_failure()
    text = capsys.readouterr().err
    assert text.count("cannot connect") == 2
    assert "ConnectionError" in text
    assert SECRET not in text


def test_configuring_again_replaces_what_was_before(capsys: Captured) -> None:
    configure_logs("first")
    configure_logs("second")
    logging.getLogger("x").warning("once")
    assert [line["service"] for line in lines(capsys)] == ["second"]
