"""What a dashboard shows, apart from how Grafana writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

#: Colours by what they say; names that Grafana knows.
GOOD, WATCH, BAD, PLAIN = "green", "orange", "red", "text"

#: Steps of colour: from this value on, the colour. The first step begins at None.
Steps = tuple[tuple[float | None, str], ...]
#: Nothing is worth a look, anything above is.
NONE_IS_GOOD: Steps = ((None, GOOD), (1, BAD))
NEUTRAL: Steps = ((None, PLAIN),)


class Kind(Enum):
    """How a panel shows the results of its queries."""

    NUMBER = "number"
    """The newest value, large."""
    CURVES = "curves"
    """Values over time."""
    AREAS = "areas"
    """Values over time, one upon the other: parts of a whole."""
    BARS = "bars"
    """The newest values, one bar each."""
    TABLE = "table"
    """The newest labels and values."""
    STATES = "states"
    """A state over time, one line each, in words."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression; *legend* names its series by their labels, such as ``{{service}}``."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: what is shown.
        about: what it means and what to do about it; shown at the panel's corner.
        queries: what is asked.
        kind: how it is shown.
        unit: Grafana's name of the values' unit.
        width: of 24 columns.
        height: in rows of the grid.
        steps: from which values on which colour.
        words: of a panel of states, value to its word.
        hidden: of a table, columns that say nothing.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.CURVES
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: Steps = NEUTRAL
    words: tuple[tuple[str, str, str], ...] = ()
    hidden: tuple[str, ...] = ("Time",)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a common title, from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable that the reader chooses: all values of a label of a metric, or some of them."""

    name: str
    label: str
    metric: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; its file is named as *name*."""

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()
    since: str = "now-6h"

    def queries(self) -> Iterator[tuple[Panel, Query]]:
        """Yield every query with its panel."""
        return ((panel, query) for row in self.rows for panel in row.panels for query in panel.queries)


def number(title: str, about: str, expr: str, unit: str = "short", steps: Steps = NEUTRAL) -> Panel:
    """Return a small panel with one number."""
    return Panel(title, about, (Query(expr),), Kind.NUMBER, unit, width=4, height=4, steps=steps)
