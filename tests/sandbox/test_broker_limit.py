"""The embedded broker keeps everything in memory, so the sandbox stops before the machine is full."""

from __future__ import annotations

import os

from rich.console import Console

from sandbox.cli import _over_limit


def told(limit: int) -> tuple[bool, str]:
    console = Console(record=True, width=200)
    return _over_limit(os.getpid(), limit, console), console.export_text()


def test_below_the_limit_nothing_is_said() -> None:
    assert told(1_000_000) == (False, "")


def test_over_the_limit_it_says_how_large_it_is_and_what_to_do() -> None:
    stopped, text = told(1)
    assert stopped
    assert "over --broker-limit 1" in text
    assert "ANDON_KAFKA__BOOTSTRAP_SERVERS" in text
