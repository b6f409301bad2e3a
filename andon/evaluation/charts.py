"""Charts of a report, as SVG inside the page: nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from andon.evaluation.record import Floats, Record, intervals

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 170, 44, 24, 10
#: Points that a line has at most: more than a screen shows. Of each bin the highest value is drawn, so no peak is lost.
_POINTS = 600
#: Scores are drawn up to this many thresholds.
_HIGHEST = 10.0


def timeline(record: Record, step: float) -> str:
    """Return the chart of a record: score over time in units of the threshold, truth shaded, alarms as a bar below.

    Args:
        record: what is drawn; its scores are divided by the threshold.
        step: seconds between rows.
    """
    rows = len(record.score)
    top = float(min(_HIGHEST, max(2.0, np.nanmax(record.score, initial=0.0))))
    shades = "".join(_span("truth", first, end, rows, _TOP, _floor()) for first, end in intervals(record.truth))
    alarms = "".join(_span("alarm", first, end, rows, _floor(), _floor() + 5) for first, end in intervals(record.alarm))
    limit = f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH}" y1="{_y(1, top):.1f}" y2="{_y(1, top):.1f}"/>'
    line = _line(*_thinned(np.minimum(record.score, top)), rows, top)
    labels = _text(0, _y(0, top), "0") + _text(0, _y(1, top) + 4, "limit") + _text(0, _y(top, top) + 8, f"{top:.0f}")
    return _svg(shades + limit + line + alarms + labels + _text(_LEFT, _HEIGHT, f"{rows * step / 60:.0f} min in all"))


def curves(lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return the chart of figures between 0 and 1 over a level, one line a figure.

    Args:
        lines: name to points of level and figure, by rising level; a figure that is NaN is left out.
    """
    last = max(level for points in lines.values() for level, _ in points) or 1.0
    drawn = ""
    for number, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{_x(level, last):.1f},{_y(value, 1):.1f}" for level, value in points if value == value)
        drawn += f'<polyline class="line c{number}" points="{path}"/>'
        drawn += f'<text class="c{number}" x="{_WIDTH - 90}" y="{_TOP + 14 + 15 * number}">{escape(name)}</text>'
    levels = sorted({level for points in lines.values() for level, _ in points})
    drawn += "".join(_text(_x(level, last) - 6, _HEIGHT - 6, f"{level:g}") for level in levels)
    return _svg(drawn + _text(0, _y(0, 1), "0") + _text(0, _y(1, 1) + 8, "1"))


def _svg(content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 6}" role="img">{content}</svg>'


def _floor() -> int:
    return _HEIGHT - _BOTTOM


def _x(value: float, last: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - 110) * value / last


def _y(value: float, top: float) -> float:
    return _floor() - (_floor() - _TOP) * value / top


def _span(kind: str, first: int, end: int, rows: int, top: float, bottom: float) -> str:
    scale = (_WIDTH - _LEFT) / max(1, rows)
    x, width = _LEFT + first * scale, max(1.0, (end - first) * scale)
    return f'<rect class="{kind}" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{bottom - top}"/>'


def _line(places: Floats, values: Floats, rows: int, top: float) -> str:
    scale = (_WIDTH - _LEFT) / max(1, rows)
    pairs = zip(places, values, strict=True)
    points = " ".join(f"{_LEFT + place * scale:.1f},{_y(value, top):.1f}" for place, value in pairs)
    return f'<polyline class="line c0" points="{points}"/>'


def _thinned(values: Floats) -> tuple[Floats, Floats]:
    """Return places and the highest value of each of at most `_POINTS` bins."""
    if not len(values):
        return values, values
    starts = np.unique(np.linspace(0, len(values), min(_POINTS, len(values)), endpoint=False).astype(np.int64))
    return starts.astype(np.float64), np.maximum.reduceat(values, starts)


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
