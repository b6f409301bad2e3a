"""Compares what came out with what should have: values in, findings out. It knows no service, broker or database.

A finding is one of four: something is *lost* that should be there; something is *changed*: an id has two contents, or
not the one that it should have; something is *doubled* where each may be there once; something is *invented*: it is
there and should not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["lost", "changed", "doubled", "invented"]
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What is wrong with one event."""

    kind: Kind
    where: str
    id: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} {self.id} {self.detail}".rstrip()


@dataclass(frozen=True)
class Outcome:
    """What became of one place, a topic or a table.

    Attributes:
        where: its name.
        expected: how many different events should be there.
        found: how many different events are.
        repeated: how many were there more than once, with the same content.
        findings: what is wrong.
    """

    where: str
    expected: int
    found: int
    repeated: int
    findings: tuple[Finding, ...]


def compare(where: str, expected: Mapping[str, Event], found: Iterable[tuple[str, Event]], *, once: bool) -> Outcome:
    """Hold events, each with its id, against what should be there.

    Args:
        where: names the place in findings.
        expected: content by id.
        found: everything that is there, in any order.
        once: whether an id that is there twice is wrong even if its content is the same.
    """
    seen: dict[str, Event] = {}
    times: Counter[str] = Counter()
    findings = []
    for name, event in found:
        times[name] += 1
        if seen.setdefault(name, event) != event:
            findings.append(Finding("changed", where, name, f"has two contents: {difference(seen[name], event)}"))
    repeated = {name: count for name, count in times.items() if count > 1}
    if once:
        findings += [Finding("doubled", where, name, f"is there {count} times") for name, count in repeated.items()]
    findings += [Finding("lost", where, name) for name in expected if name not in seen]
    findings += [Finding("invented", where, name) for name in seen if name not in expected]
    for name, event in seen.items():
        if name in expected and event != expected[name]:
            findings.append(Finding("changed", where, name, difference(expected[name], event)))
    return Outcome(where, len(expected), len(seen), sum(repeated.values()) - len(repeated), tuple(findings))


def difference(wanted: Event, got: Event) -> str:
    """Return the fields in which two contents differ, in words."""
    names = sorted(name for name in {*wanted, *got} if wanted.get(name) != got.get(name))
    return "; ".join(f"{name} {wanted.get(name)!r} became {got.get(name)!r}" for name in names)
