"""No change is lost and none told twice, whenever transactions commit and however slowly pages are read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.mes.event import EventMaker
from services.mes.mapping import Table
from services.mes.progress import Progress, ReadRow
from services.mes.scale import Scale
from tests.mes.plant import PUMP

LOOKBACK = 10
TABLE = {
    "kind": "order",
    "from": "public.orders",
    "watermark": "changed",
    "key": "number",
    "name": "number",
    "place": {"value": PUMP},
    "start": "started",
    "attributes": {"version": "version"},
}
MAKER = EventMaker("sap", Table.model_validate_json(json.dumps(TABLE)), frozenset({PUMP}))


@dataclass(frozen=True)
class Change:
    """A row as a transaction left it: begun at a time, which is the watermark, and visible from a time on."""

    begun: int
    visible: int
    key: int


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    """One change at each time, of rows in turn."""
    rows = draw(st.sampled_from((3, 20, 60)))
    open_for = draw(st.lists(st.sampled_from((0, 0, 1, LOOKBACK - 1, LOOKBACK)), min_size=60, max_size=60))
    return [Change(begun, begun + late, begun % rows) for begun, late in enumerate(open_for)]


def page(made: list[Change], now: int, after: tuple[int, int], limit: int) -> list[Change]:
    """What a server would answer at a time: the rows as they are visible then, in the order of watermark and key."""
    rows: dict[int, Change] = {}
    for change in sorted(made, key=lambda change: change.begun):
        if change.visible <= now:
            rows[change.key] = change
    ordered = sorted(rows.values(), key=lambda change: (change.begun, change.key))
    return [change for change in ordered if (change.begun, change.key) > after][:limit]


def read(change: Change) -> ReadRow:
    row = {"number": str(change.key), "version": str(change.begun), "started": "2026-03-01 06:00+00"}
    return ReadRow(change.begun, str(change.key), row)


@given(changes(), st.integers(1, 5), st.integers(1, 5), st.sets(st.integers(0, 50), max_size=5))
def test_what_is_told_last_of_a_row_is_what_it_is(
    made: list[Change], limit: int, pace: int, restarts: set[int]
) -> None:
    progress, told, now, newest, pages = Progress(LOOKBACK), list[tuple[str, str]](), 0, 0, 0
    while newest <= 60 + LOOKBACK:  # until a whole look has begun when all was visible
        newest, after = now, (-1 if progress.low is None else progress.low, -1)
        while rows := page(made, now, after, limit):
            news = progress.sift(map(read, rows), MAKER)
            told += [(event.name, event.attributes["version"]) for _, event in news.events]
            progress.note(news, [read(change) for change in rows], newest)
            after = (rows[-1].begun, rows[-1].key)
            now += pace  # the world goes on while pages are read
            pages += 1
            if pages in restarts:  # what was stored is all that is known
                progress, newest = Progress(LOOKBACK, progress.high, dict(progress.seen)), 0
                break
        now += pace
    latest = {str(change.key): str(change.begun) for change in sorted(made, key=lambda change: change.begun)}
    assert dict(told) == latest
    assert len(set(told)) == len(told)


@given(st.integers(), st.sampled_from(Scale))
def test_a_watermark_is_the_same_after_it_was_written(number: int, scale: Scale) -> None:
    text = scale.text(number)
    assert scale.text(scale.number(text)) == text
    if abs(number) < 2**53:
        assert scale.number(text) == number
