"""Choosing among dead letters and summing them up: values in, values out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from andon.contracts import DeadLetter, DeadLetterReason
from andon.stream.deadletters import original_key


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are wanted; what is not given fits all.

    Attributes:
        reasons: any of these.
        service: the service that set the record aside.
        asset: the record's key, or a path above it, such as a line.
        since: earliest time of setting aside, microseconds UTC.
    """

    reasons: frozenset[DeadLetterReason] = frozenset()
    service: str | None = None
    asset: str | None = None
    since: int = 0

    def takes(self, letter: DeadLetter) -> bool:
        """Return whether a letter is wanted."""
        return (
            letter.time >= self.since
            and (not self.reasons or letter.reason in self.reasons)
            and self.service in (None, letter.service)
            and (self.asset is None or f"{asset_of(letter)}/".startswith(f"{self.asset}/"))
        )


@dataclass(slots=True)
class Digest:
    """The newest letters, and how many there are of each reason.

    Attributes:
        limit: how many letters to keep; None keeps all.
        reasons: letters by reason, those that are not kept too.
    """

    limit: int | None = None
    reasons: Counter[DeadLetterReason] = field(default_factory=Counter)
    _kept: list[tuple[int, int, DeadLetter]] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)

    def add(self, letter: DeadLetter) -> None:
        """Take one more letter; one that was delivered twice counts once."""
        if letter.id in self._ids:
            return
        self._ids.add(letter.id)
        self.reasons[letter.reason] += 1
        heapq.heappush(self._kept, (letter.time, len(self._ids), letter))
        if self.limit is not None and len(self._kept) > self.limit:
            heapq.heappop(self._kept)

    @property
    def letters(self) -> list[DeadLetter]:
        """The letters that were kept, oldest first."""
        return [letter for _, _, letter in sorted(self._kept)]


def asset_of(letter: DeadLetter) -> str:
    """Return the original key as text: the asset's path, if it was one."""
    return original_key(letter).decode(errors="replace")


def source_of(letter: DeadLetter) -> str:
    """Return where the record was read: ``<topic>/<partition>@<offset>``; of a source, ``<source>:<address>``."""
    if letter.partition is None:
        return letter.topic
    return f"{letter.topic}/{letter.partition}@{letter.offset}"


def one_of_each(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Return one letter for each original, in the order in which the originals were read.

    A record that was sent back and failed again has a letter each time. Its bytes are the same, and so are the
    ids of the events made of it: sending it once is enough.
    """
    originals: dict[tuple[object, ...], DeadLetter] = {}
    for letter in sorted(letters, key=_place):
        same = _place(letter) if letter.value is None else letter.value
        originals.setdefault((letter.topic, letter.partition, letter.key, same), letter)
    return list(originals.values())


def _place(letter: DeadLetter) -> tuple[str, int, int, str]:
    """Return where a letter's original stands among all; what a source delivered has no place but its own."""
    if letter.partition is None or letter.offset is None:
        return letter.topic, -1, -1, letter.id
    return letter.topic, letter.partition, letter.offset, ""
