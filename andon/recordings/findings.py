"""What a recording holds that cannot be replayed as it is: counted, never dropped in silence."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import NamedTuple


class Problem(StrEnum):
    """What is wrong with values or rows of a recording; the text finishes the sentence '<count> ...'."""

    UNREADABLE = "values that are not of the tag's kind; sent as null"
    NON_FINITE = "values that are not finite, which JSON cannot carry; sent as null"
    NO_TIME = "rows without a readable time; left out"
    NO_ASSET = "rows whose asset column is empty; left out"
    REPEATED = "rows at a time that the asset already has, so that they share an event id; give a finer time"
    LATE = "rows older than frames already replayed; set `sort: true` in the mapping"


class Finding(NamedTuple):
    """A problem and its place: a file, a file's column, or an asset."""

    place: str
    problem: Problem


#: Finding to the number of rows or values that it concerns.
Findings = Counter[Finding]


def describe(findings: Findings) -> list[str]:
    """Return one sentence for each finding, by place, for the log."""
    return [f"{place}: {count} {problem}" for (place, problem), count in sorted(findings.items())]
