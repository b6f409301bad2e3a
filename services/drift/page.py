"""A machine's drift as a page: what was reported, and its signals now beside those of the reference. Pure.

One file that loads nothing from elsewhere, so that it can be mailed and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from andon.clock import isoformat
from andon.contracts import DriftReport
from andon.words import asset_in_words, number
from services.drift.normal import Floats

_WIDTH, _HEIGHT, _BINS, _POINTS = 420, 130, 40, 400
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: .95rem; margin: .8rem 0 0; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem; text-align: left; }
tr + tr { border-top: 1px solid #d8dee6; } .note { color: #66727f; max-width: 46rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); gap: .5rem 1.5rem; }
svg { width: 100%; } svg text { font-size: 11px; fill: #66727f; }
.normal { fill: #9db8d6; fill-opacity: .7; } .now { fill: #c2571a; fill-opacity: .6; }
.band { fill: #e3ecf6; } .line { fill: none; stroke: #c2571a; stroke-width: 1.2; }
.since { stroke: #1c2733; stroke-dasharray: 4 3; }
.drift { color: #b03a1a; } .warning { color: #9a6b00; } .stable { color: #2c7a44; } .abstain { color: #66727f; }
"""


@dataclass(frozen=True, slots=True)
class Signal:
    """One feature, in the reference and now.

    Attributes:
        name: in words.
        unit: as on a gauge; empty for none.
        reference: [windows] its values in the reference.
        time: [windows] ends of the windows of late, microseconds.
        value: [windows] its values of late.
    """

    name: str
    unit: str
    reference: Floats
    time: Floats
    value: Floats


def render(asset: str, reports: Sequence[DriftReport], signals: Sequence[Signal]) -> str:
    """Return the page of a machine; reports by time, the newest last, and at least one of them."""
    last = reports[-1]
    parts = [
        f"<h1>Drift of {escape(asset_in_words(asset))}</h1>",
        f'<p><b class="{last.state}">{_state(last)}</b> since {_moment(last.since)}. {escape(last.message)}</p>',
        f"<p><b>What to do:</b> {escape(last.action)}</p>",
        "<h2>Evidence</h2>",
        _evidence(last),
        "<h2>Then and now</h2>",
        '<p class="note">Blue: the reference period. Orange: since the change, or of late. The band spans two standard '
        "deviations of the reference either way, the dashed line is when the change is thought to have begun.</p>",
        f'<div class="charts">{"".join(_signal(each, last.since) for each in signals)}</div>',
        "<h2>Time line</h2>",
        _table(("when (UTC)", "state", "what"), [(_moment(r.time), _state(r), r.message) for r in reversed(reports)]),
    ]
    head = f'<meta charset="utf-8"><title>Drift of {escape(asset)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _state(report: DriftReport) -> str:
    known = report.cause in ("none", "unknown")
    return report.state if known else f"{report.state}: {report.cause.replace('_', ' ')}"


def _moment(micros: int) -> str:
    return isoformat(micros)[:19].replace("T", " ")


def _evidence(report: DriftReport) -> str:
    if not report.evidence:
        return '<p class="note">None: nothing has been found, or nothing could be watched.</p>'
    rows = [
        (e.words, e.detector, f"{number(e.statistic)} of {number(e.threshold)}", _moment(e.since))
        for e in report.evidence
    ]
    return _table(("what was seen", "detector", "statistic of threshold", "since (UTC)"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _signal(signal: Signal, since: int) -> str:
    title = f"{signal.name}, {signal.unit}" if signal.unit else signal.name
    now = signal.value[signal.time > since]
    return f"<div><h3>{escape(title)}</h3>{_bars(signal.reference, now)}{_course(signal, since)}</div>"


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _bars(reference: Floats, now: Floats) -> str:
    """Draw both distributions over each other, each as shares of its own windows."""
    both = _finite(np.concatenate([reference, now]))
    if not len(both):
        return '<p class="note">no values</p>'
    edges = np.histogram_bin_edges(both, _BINS)
    shares = [np.histogram(_finite(each), edges)[0] / max(1, np.isfinite(each).sum()) for each in (reference, now)]
    top, step = max(float(max(map(np.max, shares))), 1e-9), _WIDTH / _BINS
    bars = ""
    for kind, heights in zip(("normal", "now"), shares, strict=True):
        for place, share in enumerate(heights):
            height = (_HEIGHT - 20) * share / top
            bars += f'<rect class="{kind}" x="{place * step:.1f}" y="{_HEIGHT - 20 - height:.1f}" '
            bars += f'width="{step:.1f}" height="{height:.1f}"/>'
    return _svg(bars + _text(0, number(float(edges[0]))) + _text(_WIDTH, number(float(edges[-1])), "end"))


def _course(signal: Signal, since: int) -> str:
    """Draw the values of late over the band of the reference."""
    there = np.isfinite(signal.value)
    time, value, normal = signal.time[there], signal.value[there], _finite(signal.reference)
    if len(value) < 2 or not len(normal):
        return ""
    every = max(1, len(value) // _POINTS)
    time, value = time[::every], value[::every]
    low, high = normal.mean() - 2 * normal.std(), normal.mean() + 2 * normal.std()
    bottom, top = min(low, value.min()), max(high, value.max())
    span, first, last = max(top - bottom, 1e-12), time[0], max(time[-1], time[0] + 1)

    def y(level: float) -> float:
        return float((_HEIGHT - 20) * (top - level) / span)

    def x(moment: float) -> float:
        return float(_WIDTH * (moment - first) / (last - first))

    drawn = f'<rect class="band" x="0" width="{_WIDTH}" y="{y(high):.1f}" height="{y(low) - y(high):.1f}"/>'
    points = " ".join(f"{x(moment):.1f},{y(level):.1f}" for moment, level in zip(time, value, strict=True))
    drawn += f'<polyline class="line" points="{points}"/>'
    if first <= since <= last:
        drawn += f'<line class="since" x1="{x(since):.1f}" x2="{x(since):.1f}" y1="0" y2="{_HEIGHT - 20}"/>'
    return _svg(drawn + _text(0, _moment(int(first))) + _text(_WIDTH, _moment(int(last)), "end"))


def _svg(content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{content}</svg>'


def _text(x: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT - 5}" text-anchor="{anchor}">{escape(text)}</text>'
