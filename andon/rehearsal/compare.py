"""The same raw frames under two plant models, compared sample by sample. Pure: records in, a report out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from andon.contracts.frames import Bounds, Quality
from andon.plant import Plant, Tag
from andon.quality.marks import CODE, MARKS, Codes, Floats
from andon.quality.stretches import Ints, Mask
from andon.quality.values import factor_and_offset
from andon.rehearsal.judged import Judge, Judged, Verdict
from andon.rehearsal.report import ABSENT, Report, State, TagChange
from andon.stream.codec import Record

_MISSING = CODE[Quality.MISSING]


class Rehearsal:
    """Takes the site's raw records, and says what a changed plant model would make of them that the current does not.

    Rules that need the past see none before the first record, under either model.

    Args:
        current: the plant model that is applied now.
        changed: the one that may be.
    """

    def __init__(self, current: Plant, changed: Plant) -> None:
        self._judges = Judge(current), Judge(changed)
        self.report = Report(
            new=[path for path in changed.assets if path not in current.assets],
            gone=[path for path in current.assets if path not in changed.assets],
        )

    def add(self, records: Sequence[Record]) -> None:
        """Compare the next records of one partition."""
        self.report.frames += len(records)
        now, then = (judge.judge(records) for judge in self._judges)
        self._compare_takings(records, now, then)
        for (_, one), (name, other) in product(now.frames.items(), then.frames.items()):
            _, before, after = np.intersect1d(one.offsets, other.offsets, assume_unique=True, return_indices=True)
            if len(before):
                self._compare_class(name, _Pair(one, before, other, after))

    def _compare_takings(self, records: Sequence[Record], now: Verdict, then: Verdict) -> None:
        """Count what only one of the models takes."""
        for record in records if now.refused.keys() ^ then.refused.keys() else ():
            asset = (record.key or b"").decode("utf-8", "replace")
            before, after = now.refused.get(record.offset), then.refused.get(record.offset)
            if before and not after:
                self.report.gained[asset, before] += 1
            elif after and not before:
                self.report.lost[asset, after] += 1

    def _compare_class(self, name: str, pair: _Pair) -> None:
        for tag in pair.tags():
            change = self.report.tags.setdefault((name, tag), TagChange())
            change.samples += len(pair.before)
            change.marks += pair.marks(tag)
            if pair.in_both(tag):
                _compare_values(change, pair, tag)


class _Pair:
    """Frames (n) that both models take, under each of them.

    Args:
        one: frames under the current model.
        before: (n) which of them.
        other: frames under the changed model.
        after: (n) which of them.
    """

    def __init__(self, one: Judged, before: Ints, other: Judged, after: Ints) -> None:
        self._one, self.before, self._other, self._after = one, before, other, after

    def tags(self) -> Iterator[str]:
        """Yield the tags of both classes, each once."""
        yield from self._other.asset_class.tags
        yield from (tag for tag in self._one.asset_class.tags if tag not in self._other.asset_class.tags)

    def in_both(self, tag: str) -> bool:
        """Whether both classes have a tag."""
        return tag in self._one.asset_class.tags and tag in self._other.asset_class.tags

    def definitions(self, tag: str) -> tuple[Tag, Tag]:
        """Return what the models say of a tag that is in both."""
        return self._one.asset_class.tags[tag], self._other.asset_class.tags[tag]

    def codes(self, tag: str) -> tuple[Codes | None, Codes | None]:
        """Return the marks of a tag's samples under each model; None where it has no such tag."""
        now, then = self._one.inspected.codes.get(tag), self._other.inspected.codes.get(tag)
        return None if now is None else now[self.before], None if then is None else then[self._after]

    def present(self, tag: str) -> int:
        """Count the samples of a tag that are not missing now."""
        now, _ = self.codes(tag)
        return 0 if now is None else int((now != _MISSING).sum())

    def levels(self, tag: str) -> tuple[Floats, Floats]:
        """Return a tag's good samples under each model, NaN where one is marked."""
        return self._one.inspected.good(tag)[self.before], self._other.inspected.good(tag)[self._after]

    def marks(self, tag: str) -> Counter[tuple[State, State]]:
        """Count the samples of a tag whose mark differs, by both marks."""
        states: tuple[State, ...] = (*MARKS, ABSENT)
        now, then = (len(MARKS) if codes is None else codes.astype(np.int64) for codes in self.codes(tag))
        amounts = np.bincount(np.atleast_1d(now * len(states) + then))
        pairs = (divmod(int(place), len(states)) for place in np.flatnonzero(amounts))
        return Counter({(states[a], states[b]): int(amounts[a * len(states) + b]) for a, b in pairs if a != b})


def _compare_values(change: TagChange, pair: _Pair, tag: str) -> None:
    now, then = pair.definitions(tag)
    converts = factor_and_offset(now) != factor_and_offset(then)
    if converts or now.unit != then.unit:
        change.units = now.unit, then.unit
        change.converted += pair.present(tag) if converts else 0
    before, after = pair.levels(tag)
    for limit in Bounds.model_fields:
        was, would = _outside(before, now, limit), _outside(after, then, limit)
        change.violated += Counter({limit: int((would & ~was).sum())})
        change.obeyed += Counter({limit: int((was & ~would).sum())})


def _outside(levels: Floats, tag: Tag, limit: str) -> Mask:
    """Return which samples lie outside an alarm limit; none where there is no such limit, or the sample is marked."""
    bound = getattr(tag.limits, limit, None)
    if bound is None:
        return np.zeros(len(levels), np.bool_)
    outside: Mask = levels < bound if limit.startswith("low") else levels > bound
    return outside
