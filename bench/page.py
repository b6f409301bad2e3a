"""Pages of results: each bench writes what it measured between markers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.common import BenchError

#: Where pages and charts are.
DOCS = Path(__file__).parent.parent / "docs"
BENCHMARKS = DOCS / "benchmarks.md"
RELIABILITY = DOCS / "reliability.md"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are numbers."""
    rule = ["---", *("---:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def replaced(page: str, name: str, content: str) -> str:
    """Return *page* with *content* between the markers of *name*.

    Raises:
        BenchError: the page does not have each of the two markers once.
    """
    begin, _, end = parted(page, name)
    return f"{begin}\n{content.strip()}\n{end}"


def parted(page: str, name: str) -> tuple[str, str, str]:
    """Return *page* up to the first marker of *name*, what stands between its two markers, and the rest.

    Raises:
        BenchError: the page does not have each of the two markers once.
    """
    begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise BenchError(f"the page must have {begin!r} and {end!r} once each, in this order")
    before, rest = page.split(begin)
    content, after = rest.split(end)
    return before + begin, content, end + after


def write_section(name: str, content: str, page: Path = BENCHMARKS) -> None:
    """Write *content* between the page's markers of *name*.

    Raises:
        BenchError: the page does not have them.
    """
    page.write_text(replaced(page.read_text(), name, content))
