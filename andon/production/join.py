"""The as-of join: each frame gets the facts that are valid at its event time.

An asset's context is constant between two edges of its facts. So the whole join is, for nearly all frames, one
comparison with the stretch that the asset's last frame lay in; only at an edge, or after news, stretches are looked up.
They are worked out a day of event time at a time, so that neither a long history nor a far future costs anything until
a frame asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.plant import Plant
from andon.production.calendar import shift_facts
from andon.production.facts import STATES, Fact, Kind
from andon.production.knowledge import Change, Knowledge
from andon.production.timeline import Span, Timeline, overlay
from andon.uns.places import levels

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_DAY = 86_400 * SECOND
#: Days of assets, of half a kilobyte each, and contexts that are remembered; beyond that, all is worked out anew.
_DAYS = 100_000
_CONTEXTS = 500_000

_COLUMNS = ("order", "batch", "product", "recipe", "shift", "maintenance", "told_state")
_SCHEMA: dict[str, pl.DataType] = dict.fromkeys(_COLUMNS, pl.String())
#: Kinds that have a column, in the order in which a context is looked up.
_KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Joined:
    """Context of n frames.

    Attributes:
        columns: order, batch, product, recipe, shift, maintenance and told_state, null where nothing was told.
    """

    columns: pl.DataFrame

    def has(self, name: str) -> Mask:
        """Return which frames have something in a column."""
        mask: Mask = self.columns[name].is_not_null().to_numpy()
        return mask


class ContextJoin:
    """Joins frames of a plant's assets with what is known.

    Not for several threads at once: whoever brings news and whoever joins must take turns.

    Args:
        plant: its assets and its calendar.
        knowledge: the facts; `invalidate` must be called with each change of them.
    """

    def __init__(self, plant: Plant, knowledge: Knowledge) -> None:
        self._plant, self._knowledge = plant, knowledge
        self._assets = {asset: number for number, asset in enumerate(plant.assets)}
        self._places = [levels(asset) for asset in plant.assets]
        self._below = _below(plant.assets)
        self._start = np.zeros(len(self._assets), np.int64)
        self._end = np.zeros(len(self._assets), np.int64)
        self._row = np.zeros(len(self._assets), np.int64)
        self._days: dict[int, dict[int, tuple[Ints, Ints]]] = {}
        self._remembered = 0
        self._calendar: dict[tuple[str, int], Sequence[Span]] = {}
        self._shift_places = frozenset(shift.place or "" for shift in plant.shifts)
        self._contexts: dict[tuple[str | None, ...], int] = {}
        self._fresh: list[tuple[str | None, ...]] = []
        self._table = pl.DataFrame(schema=_SCHEMA)

    def numbers(self, assets: Iterable[str]) -> Ints:
        """Return the numbers by which `join` knows assets."""
        return np.array([self._assets[asset] for asset in assets], np.int64)

    def invalidate(self, changes: Iterable[Change]) -> None:
        """Forget what follows from facts that have changed."""
        for change in changes:
            for number in self._below.get(change.place, ()):
                self._end[number] = 0
                days = self._days.get(number, {})
                for day in [day for day in days if change.start // _DAY <= day <= change.end // _DAY]:
                    del days[day]

    def forget(self) -> None:
        """Forget all that was worked out, as after many changes."""
        self._contexts.clear()
        self._fresh.clear()
        self._days.clear()
        self._calendar.clear()
        self._remembered = 0
        self._end[:] = 0
        self._table = pl.DataFrame(schema=_SCHEMA)

    def affected(self, place: str) -> list[str]:
        """Return the assets at a place and below it."""
        assets = list(self._plant.assets)
        return [assets[number] for number in self._below.get(place, ())]

    def join(self, asset: Ints, time: Ints) -> Joined:
        """Return the context of frames.

        Args:
            asset: (n) numbers of their assets.
            time: (n) event times, microseconds.
        """
        if len(self._contexts) > _CONTEXTS or self._remembered > _DAYS:
            self.forget()
        row = self._row[asset]
        missing = np.flatnonzero((time < self._start[asset]) | (time >= self._end[asset]))
        if missing.size:
            row[missing] = self._look_up(asset[missing], time[missing])
        if self._fresh:
            self._table.extend(pl.DataFrame(self._fresh, schema=_SCHEMA, orient="row"))
            self._fresh.clear()
        return Joined(self._table[row])

    def _look_up(self, asset: Ints, time: Ints) -> Ints:
        rows = np.empty(len(asset), np.int64)
        day = time // _DAY
        order = np.lexsort((day, asset))
        edges = np.flatnonzero((np.diff(asset[order]) != 0) | (np.diff(day[order]) != 0)) + 1
        # per-group Python: once an asset and edge, not once a frame
        for group in np.split(order, edges):
            number, which = int(asset[group[0]]), int(day[group[0]])
            starts, contexts = self._day(number, which)
            at = np.searchsorted(starts, time[group], side="right") - 1
            rows[group] = contexts[at]
            newest = int(at[np.argmax(time[group])])
            self._start[number], self._row[number] = starts[newest], contexts[newest]
            self._end[number] = starts[newest + 1] if newest + 1 < len(starts) else (which + 1) * _DAY
        return rows

    def _day(self, number: int, day: int) -> tuple[Ints, Ints]:
        """Return the starts of an asset's stretches in a day, and the number of the context of each."""
        days = self._days.setdefault(number, {})
        found = days.get(day)
        if found is None:
            stretches = list(self._stretches(number, day * _DAY, (day + 1) * _DAY))
            found = days[day] = (
                np.array([start for start, _ in stretches], np.int64),
                np.array([context for _, context in stretches], np.int64),
            )
            self._remembered += 1
        return found

    def _stretches(self, number: int, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield start and number of the context of each stretch between two moments."""
        layers = [overlay(self._layers(kind, number, start, end), start, end) for kind in _KINDS]
        turns = sorted(
            ((moment, at, fact) for at, layer in enumerate(layers) for moment, fact in layer),
            key=itemgetter(0),
        )
        facts: list[Fact | None] = [None] * len(_KINDS)
        for (moment, at, fact), (following, _, _) in pairwise([*turns, (end, 0, None)]):
            facts[at] = fact
            if following > moment:
                yield moment, self._number(_context(*facts))

    def _number(self, context: tuple[str | None, ...]) -> int:
        """Return the row of the table that holds a context, which may be a new one."""
        number = self._contexts.setdefault(context, len(self._contexts))
        if number == len(self._contexts) - 1 and number == self._table.height + len(self._fresh):
            self._fresh.append(context)
        return number

    def _layers(self, kind: Kind, number: int, start: int, end: int) -> list[Sequence[Span]]:
        layers = []
        for place in self._places[number]:
            layers.append(self._knowledge.between(kind, place, start, end))
            if kind is Kind.SHIFT and place in self._shift_places:
                layers.append(self._shifts(place, start, end))
        return [layer for layer in layers if layer]

    def _shifts(self, place: str, start: int, end: int) -> Sequence[Span]:
        """Return the calendar's shifts of a place in a day."""
        key = place, start
        if key not in self._calendar:
            facts = shift_facts(self._plant, start, end)
            self._calendar[key] = Timeline.of(fact for fact in facts if fact.place == place).spans
        return self._calendar[key]


def _context(
    order: Fact | None, batch: Fact | None, shift: Fact | None, maintenance: Fact | None, state: Fact | None
) -> tuple[str | None, ...]:
    """Return the values of `_COLUMNS`; a batch knows its product better than the order does."""
    return (
        order.name if order else None,
        batch.name if batch else None,
        (batch and batch.product) or (order and order.product) or None,
        (batch and batch.recipe) or (order and order.recipe) or None,
        shift.name if shift else None,
        maintenance.name if maintenance else None,
        state.name if state and state.name in STATES else None,
    )


def _below(assets: Iterable[str]) -> dict[str, list[int]]:
    below: dict[str, list[int]] = {}
    for number, asset in enumerate(assets):
        for place in levels(asset):
            below.setdefault(place, []).append(number)
    return below
