"""The comparison as a chart: frames per second of processor time, by job and peer."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from bench.peers.measure import Run
from bench.peers.peer import ANDON, PEERS
from bench.peers.report import TITLES, Runs

_WIDTH, _LEFT, _RIGHT, _ROW, _HEAD = 760, 200, 90, 26, 40
_BARE = {peer.name for peer in PEERS if peer.bare}
#: Legible on light and on dark pages: the background is the chart's own.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600; font-size: 14px }
  .page { fill: #ffffff }
  .system { fill: #8c959f } .bare { fill: #d0d7de } .ours { fill: #0969da }
  .whisker { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page { fill: #0d1117 }
    .system { fill: #6e7681 } .bare { fill: #3d444d } .ours { fill: #4493f8 }
    .whisker { stroke: #e6edf3 }
  }
"""


def chart(runs: Runs) -> str:
    """Return the chart as SVG: a bar is the median of the rounds, its whisker the smallest and the largest."""
    most = max(run.frames_per_cpu_s for found in runs.values() for each in found.values() for run in each)
    scale, top, parts = (_WIDTH - _LEFT - _RIGHT) / most, 12, []
    for job, found in runs.items():
        parts.append(f'<text class="head" x="16" y="{top + 20}">{escape(TITLES[job])}, frames per CPU second</text>')
        parts += _bars(found, top + _HEAD - 8, scale)
        top += _HEAD + _ROW * len(found) + 8
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 8}" role="img">\n'
        f"<title>Frames per second of processor time</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="page" width="{_WIDTH}" height="{top + 8}" rx="8"/>\n{body}\n</svg>\n'
    )


def _bars(found: Mapping[str, Sequence[Run]], top: float, scale: float) -> Iterator[str]:
    middles = {name: statistics.median(run.frames_per_cpu_s for run in runs) for name, runs in found.items()}
    for row, name in enumerate(sorted(found, key=lambda each: -middles[each])):
        middle, rates = top + _ROW * (row + 0.5), [run.frames_per_cpu_s for run in found[name]]
        least, most = _LEFT + min(rates) * scale, _LEFT + max(rates) * scale
        kind = "ours" if name == ANDON else "bare" if name in _BARE else "system"
        width = max(1.0, middles[name] * scale)
        yield f'<text x="{_LEFT - 8}" y="{middle + 4:.0f}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{_LEFT}" y="{middle - 9:.0f}" width="{width:.1f}" height="18" rx="2"/>'
        yield f'<line class="whisker" x1="{least:.1f}" x2="{most:.1f}" y1="{middle:.0f}" y2="{middle:.0f}"/>'
        yield f'<text x="{max(most, _LEFT + width) + 8:.0f}" y="{middle + 4:.0f}">{middles[name]:,.0f}</text>'
