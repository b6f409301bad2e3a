"""Whatever comes from outside is taken or refused with a reason; and the search itself finds what is broken."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from andon.settings import DatabaseSettings, KafkaSettings
from tests.fuzz.search import search
from tests.fuzz.target import (
    Backends,
    GrowthError,
    HangError,
    Parse,
    Target,
    always,
    bounded,
    bounded_growth,
    examine,
)
from tests.fuzz.targets import TARGETS

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()


def fuzzed(target: Target, backends: Backends) -> None:
    with target.open(backends) as parse, bounded_growth():
        for seed in target.seeds():
            assert examine(target, parse, seed), f"a sound input is refused: {seed[:200]!r}"
        search(target, parse, target.examples)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if not target.needs])
def test_whatever_comes_is_taken_or_refused_with_a_reason(name: str) -> None:
    fuzzed(TARGETS[name], Backends())


def test_whatever_is_asked_of_the_alerts_api_is_answered(kafka: KafkaSettings) -> None:
    fuzzed(TARGETS["alert-api"], Backends(kafka=kafka))


@pytest.mark.parametrize("name", ["registry-api", "registry-publish"])
def test_whatever_is_asked_of_the_registry_is_answered(name: str, database: DatabaseSettings) -> None:
    fuzzed(TARGETS[name], Backends(database=database))


def broken(parse: Parse) -> Target:
    return Target("broken", "", always(parse), lambda: [b'{"a": {"count": 1}}'], (ValueError,))


def test_the_search_finds_a_crash_behind_the_syntax_and_keeps_the_smallest_input() -> None:
    def crash(data: bytes) -> None:
        match orjson.loads(data):
            case {"a": {"count": str()}}:
                raise ZeroDivisionError

    tried: list[bytes] = []
    with pytest.raises(ZeroDivisionError):
        search(broken(crash), crash, 2_000, tried.append, seed=1)
    with pytest.raises(ZeroDivisionError):
        crash(tried[-1])


def hang() -> None:
    with bounded(0.05):
        while True:
            pass


def grow() -> None:
    with bounded_growth():
        bytearray(b"x") * (700 * 2**20)


def test_a_refusal_without_a_reason_a_hang_and_a_hunger_for_memory_are_found() -> None:
    def wordless(_: bytes) -> None:
        raise ValueError("")

    with pytest.raises(AssertionError, match="without a reason"):
        examine(broken(wordless), wordless, b"")
    with pytest.raises(HangError):
        hang()
    with pytest.raises(GrowthError):
        grow()


def test_the_page_lists_every_target() -> None:
    assert [name for name in TARGETS if f"| `{name}` | {TARGETS[name].promise} |" not in PAGE] == []
