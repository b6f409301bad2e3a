"""The chart of one machine on the demo's page: score and limit over the time of day, what was wrong, and the alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from andon.clock import SECOND, isoformat
from sandbox.demo.evaluation import AlertSpan, LabelledEvent
from sandbox.demo.story import Trace

_WIDTH, _LEFT, _TOP, _FLOOR, _HEIGHT = 1_120, 46, 20, 130, 176
#: Scores are drawn up to this many limits; what is higher touches the top.
_HIGHEST = 4.0
_MINUTE = 60 * SECOND
#: Distances of marks on the axis; the first that makes at most `_MARKS` is taken.
_STEPS = tuple(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1_440))
_MARKS = 10
#: What the last mark's text needs to its right.
_ROOM = 24


def timeline(trace: Trace, events: Sequence[LabelledEvent], alerts: Sequence[AlertSpan], span: tuple[int, int]) -> str:
    """Return the chart as SVG.

    Args:
        trace: of the machine.
        events: what truly happened to it.
        alerts: what people were told of it.
        span: begin and end of the axis, microseconds UTC.
    """
    scale = _Scale(span)
    parts = [
        *(_shade(event, scale) for event in events),
        *_axis(span, scale),
        f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH}" y1="{_y(1):.1f}" y2="{_y(1):.1f}"/>',
        f'<text x="0" y="{_y(1) + 4:.1f}">limit</text><text x="0" y="{_FLOOR + 4}">0</text>',
        f'<text x="0" y="{_FLOOR + 22}">alerts</text>',
        *_lines(trace, scale),
        *(_bar(alert, scale) for alert in alerts),
    ]
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'


class _Scale:
    """Event time to horizontal places."""

    def __init__(self, span: tuple[int, int]) -> None:
        self.first, self.last = span

    def __call__(self, moment: int) -> float:
        share = (moment - self.first) / max(1, self.last - self.first)
        return _LEFT + (_WIDTH - _LEFT) * min(1.0, max(0.0, share))


def _y(ratio: float) -> float:
    return _FLOOR - (_FLOOR - _TOP) * min(ratio, _HIGHEST) / _HIGHEST


def _shade(event: LabelledEvent, scale: _Scale) -> str:
    x, end = scale(event.start), scale(event.end)
    kind = "fault" if event.process else "sensor"
    box = f'<rect class="{kind}" x="{x:.1f}" y="{_TOP}" width="{max(2.0, end - x):.1f}" height="{_FLOOR - _TOP}"/>'
    return f'{box}<text class="{kind}" x="{x:.1f}" y="{_TOP - 6}">{escape(event.kind.replace("_", " "))}</text>'


def _bar(alert: AlertSpan, scale: _Scale) -> str:
    x, end = scale(alert.opened), scale(scale.last if alert.resolved is None else alert.resolved)
    title = f"<title>{escape(alert.message)}</title>"
    place = f'x="{x:.1f}" y="{_FLOOR + 12}" width="{max(3.0, end - x):.1f}" height="12"'
    return f'<rect class="alert" {place}>{title}</rect>'


def _lines(trace: Trace, scale: _Scale) -> Iterator[str]:
    """Yield the score, broken where the model abstained."""
    known = np.flatnonzero(~np.isnan(trace.ratio))
    for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        places = zip(trace.time[run].tolist(), trace.ratio[run].tolist(), strict=True)
        points = " ".join(f"{scale(moment):.1f},{_y(ratio):.1f}" for moment, ratio in places)
        yield f'<polyline class="score" points="{points}"/>'


def _axis(span: tuple[int, int], scale: _Scale) -> Iterator[str]:
    first, last = span
    step = next((step for step in _STEPS if (last - first) / step <= _MARKS), _STEPS[-1])
    for moment in range(-(-first // step) * step, last, step):
        x = scale(moment)
        if x > _WIDTH - _ROOM:
            return
        yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_FLOOR}"/>'
        yield f'<text x="{x - 14:.1f}" y="{_HEIGHT - 4}">{isoformat(moment)[11:16]}</text>'
