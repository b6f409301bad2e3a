"""The as-of join: each frame gets the facts that are valid at its event time.

An asset's context is constant between two edges of its facts. So the whole join is, for nearly all frames, one
comparison with the stretch that the asset's last frame lay in; only at an edge, or after news, stretches are looked up.
They are worked out a week of event time at a time, so that neither a long history nor a far future costs anything
until a frame asks for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.plant import Plant
from andon.production.calendar import shift_facts
from andon.production.facts import STATES, Fact, Kind
from andon.production.knowledge import Change, Knowledge
from andon.production.timeline import Span, Timeline, overlay

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_WEEK = 7 * 86_400 * SECOND
#: Weeks of assets that are remembered; one is about a kilobyte.
_WEEKS = 50_000
#: Different contexts that are remembered, before all is forgotten and worked out anew.
_CONTEXTS = 200_000

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
        self._places = [_places(asset) for asset in plant.assets]
        self._below = _below(plant.assets)
        self._start = np.zeros(len(self._assets), np.int64)
        self._end = np.zeros(len(self._assets), np.int64)
        self._row = np.zeros(len(self._assets), np.int64)
        self._weeks: OrderedDict[tuple[int, int], tuple[Ints, Ints]] = OrderedDict()
        self._calendar: dict[tuple[str, int], Sequence[Span]] = {}
        self._shift_places = frozenset(shift.place or "" for shift in plant.shifts)
        self._contexts: dict[tuple[str | None, ...], int] = {}
        self._table = pl.DataFrame(schema=_SCHEMA)

    def numbers(self, assets: Iterable[str]) -> Ints:
        """Return the numbers by which `join` knows assets."""
        return np.array([self._assets[asset] for asset in assets], np.int64)

    def invalidate(self, changes: Iterable[Change]) -> None:
        """Forget what follows from facts that have changed."""
        for change in changes:
            if change.place == "":
                self._end[:] = 0
                self._weeks.clear()
                continue
            for number in self._below.get(change.place, ()):
                self._end[number] = 0
                for week in range(change.start // _WEEK, min(change.end // _WEEK, change.start // _WEEK + 520) + 1):
                    self._weeks.pop((number, week), None)

    def forget(self) -> None:
        """Forget all that was worked out, as after many changes."""
        self._contexts.clear()
        self._weeks.clear()
        self._calendar.clear()
        self._end[:] = 0
        self._table = pl.DataFrame(schema=_SCHEMA)

    def affected(self, place: str) -> list[str]:
        """Return the assets at a place and below it."""
        assets = list(self._plant.assets)
        return assets if place == "" else [assets[number] for number in self._below.get(place, ())]

    def join(self, asset: Ints, time: Ints) -> Joined:
        """Return the context of frames.

        Args:
            asset: (n) numbers of their assets.
            time: (n) event times, microseconds.
        """
        if len(self._contexts) > _CONTEXTS:
            self.forget()
        row = self._row[asset]
        missing = np.flatnonzero((time < self._start[asset]) | (time >= self._end[asset]))
        if missing.size:
            row[missing] = self._look_up(asset[missing], time[missing])
        if self._table.height < len(self._contexts):
            self._table = pl.DataFrame(list(self._contexts), schema=_SCHEMA, orient="row")
        return Joined(self._table[row])

    def _look_up(self, asset: Ints, time: Ints) -> Ints:
        rows = np.empty(len(asset), np.int64)
        week = time // _WEEK
        order = np.lexsort((week, asset))
        edges = np.flatnonzero((np.diff(asset[order]) != 0) | (np.diff(week[order]) != 0)) + 1
        # per-group Python: once an asset and edge, not once a frame
        for group in np.split(order, edges):
            number, which = int(asset[group[0]]), int(week[group[0]])
            starts, contexts = self._week(number, which)
            at = np.searchsorted(starts, time[group], side="right") - 1
            rows[group] = contexts[at]
            newest = int(at[np.argmax(time[group])])
            self._start[number], self._row[number] = starts[newest], contexts[newest]
            self._end[number] = starts[newest + 1] if newest + 1 < len(starts) else (which + 1) * _WEEK
        return rows

    def _week(self, number: int, week: int) -> tuple[Ints, Ints]:
        """Return the starts of an asset's stretches in a week, and the number of the context of each."""
        key = number, week
        found = self._weeks.get(key)
        if found is None:
            stretches = list(self._stretches(number, week * _WEEK, (week + 1) * _WEEK))
            found = (
                np.array([start for start, _ in stretches], np.int64),
                np.array([context for _, context in stretches], np.int64),
            )
            self._weeks[key] = found
            if len(self._weeks) > _WEEKS:
                self._weeks.popitem(last=False)
        return found

    def _stretches(self, number: int, start: int, end: int) -> Iterator[tuple[int, int]]:
        layers = [overlay(self._layers(kind, number, start, end), start, end) for kind in _KINDS]
        edges = sorted({moment for layer in layers for moment, _ in layer})
        at = [0] * len(layers)
        for edge in edges:
            for each, layer in enumerate(layers):
                if at[each] + 1 < len(layer) and layer[at[each] + 1][0] <= edge:
                    at[each] += 1
            facts = [layer[position][1] for layer, position in zip(layers, at, strict=True)]
            context = _context(dict(zip(_KINDS, facts, strict=True)))
            yield edge, self._contexts.setdefault(context, len(self._contexts))

    def _layers(self, kind: Kind, number: int, start: int, end: int) -> list[Sequence[Span]]:
        layers = []
        for place in self._places[number]:
            layers.append(self._knowledge.between(kind, place, start, end))
            if kind is Kind.SHIFT and place in self._shift_places:
                layers.append(self._shifts(place, start, end))
        return [layer for layer in layers if layer]

    def _shifts(self, place: str, start: int, end: int) -> Sequence[Span]:
        """Return the calendar's shifts of a place in a week."""
        key = place, start
        if key not in self._calendar:
            facts = shift_facts(self._plant, start, end)
            self._calendar[key] = Timeline.of(fact for fact in facts if fact.place == place).spans
        return self._calendar[key]


def _context(facts: dict[Kind, Fact | None]) -> tuple[str | None, ...]:
    """Return the values of `_COLUMNS`; a batch knows its product better than the order does."""
    order, batch = facts[Kind.ORDER], facts[Kind.BATCH]
    product = (batch and batch.product) or (order and order.product) or None
    recipe = (batch and batch.recipe) or (order and order.recipe) or None
    shift, maintenance, state = facts[Kind.SHIFT], facts[Kind.MAINTENANCE], facts[Kind.MACHINE_STATE]
    names = (fact.name if fact else None for fact in (order, batch))
    told = state.name if state and state.name in STATES else None
    return (*names, product, recipe, shift.name if shift else None, maintenance.name if maintenance else None, told)


def _places(asset: str) -> list[str]:
    """Return the places that say something of an asset, the nearest first."""
    parts = asset.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]


def _below(assets: Iterable[str]) -> dict[str, list[int]]:
    below: dict[str, list[int]] = {}
    for number, asset in enumerate(assets):
        for place in _places(asset):
            below.setdefault(place, []).append(number)
    return below
