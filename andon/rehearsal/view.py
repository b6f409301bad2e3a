"""A rehearsal's report as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from andon.rehearsal.report import ABSENT, Report, State, TagChange

#: What changes, how it is coloured, and how many samples or frames it changes.
Line = tuple[str, str, int]
_BETTER, _WORSE, _OTHER = "green", "yellow", "cyan"


def report_view(report: Report) -> RenderableType:
    """Return what would change, as tables; in a sentence, when nothing would."""
    if not report.differs:
        return Text("Nothing would change.", style="green")
    parts: list[RenderableType] = []
    if report.changes:
        parts.append(_tags_table(report))
    if report.new or report.gone or report.gained or report.lost:
        parts.append(_assets_table(report))
    return Group(*parts)


def _tags_table(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("class", "tag", "what changes"):
        table.add_column(heading, overflow="fold")
    table.add_column("samples", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    shown = ""
    for (asset_class, tag), change in report.changes.items():
        for index, (text, style, amount) in enumerate(_tag_lines(change)):
            heading = asset_class if asset_class != shown else ""
            share = amount / change.samples
            table.add_row(heading, tag if index == 0 else "", Text(text, style), f"{amount:,}", f"{share:.1%}")
            shown = asset_class
    return table


def _tag_lines(change: TagChange) -> Iterator[Line]:
    if change.units:
        before, after = (unit or "no unit" for unit in change.units)
        text = f"value in {after}" if before == after else f"{before} → {after}"
        how = "converted otherwise" if change.converted else "the same number"
        yield f"{text}, {how}", _OTHER, change.converted or change.samples
    for (state, new_state), amount in change.marks.most_common():
        yield f"{_state(state)} → {_state(new_state)}", _tendency(state, new_state), amount
    for limit, amount in change.violated.items():
        yield f"newly outside {limit}", _WORSE, amount
    for limit, amount in change.obeyed.items():
        yield f"no longer outside {limit}", _BETTER, amount


def _state(state: State) -> str:
    return "good" if state is None else str(state)


def _tendency(before: State, after: State) -> str:
    if after is None:
        return _BETTER
    return _WORSE if before is None or after == ABSENT else _OTHER


def _assets_table(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("asset", "what changes"):
        table.add_column(heading, overflow="fold")
    table.add_column("frames", justify="right", no_wrap=True)
    for asset, (text, style, amount) in sorted(_asset_lines(report)):
        table.add_row(asset, Text(text, style), f"{amount:,}")
    return table


def _asset_lines(report: Report) -> Iterator[tuple[str, Line]]:
    """Yield lines of the assets, those included that nothing came of."""
    told = set()
    for (asset, reason), amount in report.gained.items():
        told.add(asset)
        text = "new" if asset in report.new else f"no longer refused ({reason})"
        yield asset, (text, _BETTER, amount)
    for (asset, reason), amount in report.lost.items():
        told.add(asset)
        text = "gone" if asset in report.gone else f"newly refused ({reason})"
        yield asset, (text, _WORSE, amount)
    yield from ((asset, ("new", _OTHER, 0)) for asset in report.new if asset not in told)
    yield from ((asset, ("gone", _OTHER, 0)) for asset in report.gone if asset not in told)
