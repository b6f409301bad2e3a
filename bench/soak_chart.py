"""The chart of a soak: a panel for each measure, a line for each service."""

from __future__ import annotations

import math
from html import escape

from bench.soak_samples import Measure, Samples

_WIDTH, _HEIGHT = 880, 560
_PANEL_WIDTH, _PANEL_HEIGHT = 350, 190
_LEFT, _TOP, _GAP_X, _GAP_Y = 60, 70, 80, 70
_MIN_S = 60
#: Okabe and Ito's colours, which the colour-blind can tell apart; all of them are seen on white and on black.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600 }
.grid { stroke: #8b949e; stroke-opacity: .35 }
.warm { fill: #8b949e; fill-opacity: .14 }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } }
"""


def chart(samples: Samples) -> str:
    """Return the chart as SVG; what is not judged is shaded."""
    panels = "".join(_panel(number, measure, samples) for number, measure in enumerate(Measure))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>Soak: {', '.join(Measure)}</title><style>{_STYLE}</style>{_legend(samples.services)}{panels}</svg>\n"
    )


def _legend(services: list[str]) -> str:
    items = ""
    for number, name in enumerate(services):
        x = _LEFT + number * 125
        items += f'<rect x="{x}" y="18" width="18" height="4" fill="{_COLOURS[number]}"/>' + _text(x + 24, 25, name)
    return items


def _panel(number: int, measure: Measure, samples: Samples) -> str:
    x = _LEFT + number % 2 * (_PANEL_WIDTH + _GAP_X)
    y = _TOP + number // 2 * (_PANEL_HEIGHT + _GAP_Y)
    lines = [samples.figures[service, measure] for service in samples.services]
    step = _step(max(value for line in lines for value in line if not math.isnan(value)))
    across, up = _PANEL_WIDTH / samples.seconds[-1], _PANEL_HEIGHT / (4 * step)
    drawn = _frame(measure, step) + _times(samples, across)
    for colour, line in zip(_COLOURS, lines, strict=False):
        points = " ".join(
            f"{second * across:.1f},{_PANEL_HEIGHT - value * up:.1f}"
            for second, value in zip(samples.seconds, line, strict=True)
            if not math.isnan(value)
        )
        drawn += f'<polyline class="line" stroke="{colour}" points="{points}"/>'
    return f'<g transform="translate({x} {y})">{drawn}</g>'


def _frame(measure: Measure, step: float) -> str:
    drawn = f'<text class="title" x="0" y="-12">{escape(measure)}</text>'
    for tick in range(5):
        y = _PANEL_HEIGHT * (1 - tick / 4)
        drawn += f'<line class="grid" x1="0" x2="{_PANEL_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        drawn += _text(-8, y + 4, f"{tick * step:,g}", anchor="end")
    return drawn


def _times(samples: Samples, across: float) -> str:
    warm, last = samples.warm_up_s, samples.seconds[-1]
    unit, name = (_MIN_S, "min") if last > 2 * _MIN_S else (1, "s")
    drawn = f'<rect class="warm" x="0" y="0" width="{warm * across:.1f}" height="{_PANEL_HEIGHT}"/>'
    for share in (0, 0.5, 1):
        drawn += _text(share * _PANEL_WIDTH, _PANEL_HEIGHT + 18, f"{share * last / unit:.0f} {name}", anchor="middle")
    return drawn


def _step(highest: float) -> float:
    """Return the round distance of five ticks, from zero on, that hold *highest*."""
    least = max(highest, 1e-3) / 4
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * of for of in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if power * of >= least)


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
