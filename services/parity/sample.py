"""Which of the vectors that were sent are checked: the newest ones, as many as may be read for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from andon.parity.checker import lineage
from andon.stream.codec import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def affordable(records: Iterable[AnyRecord], budget: int) -> list[AnyRecord]:
    """Return the newest of a partition's vectors whose frames lie within *budget* records of the context topic.

    Args:
        records: of the feature topic, in order. Those that do not say what they are made of take nothing.
        budget: records that may be read.
    """
    found: list[AnyRecord] = []
    first, last = 2**63, -1
    for record in reversed(list(records)):
        place = lineage(record)
        if place is not None:
            first, last = min(first, place.first), max(last, place.last)
        if last - first >= budget:
            break
        found.append(record)
    return found[::-1]
