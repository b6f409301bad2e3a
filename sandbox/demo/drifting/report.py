"""The play's result as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.demo.drifting.checks import Check


def show(found: Sequence[Check], console: Console) -> None:
    """Print what was to be, what was, and whether all was so."""
    table = Table(title="Drift and what followed", title_justify="left", title_style="bold")
    for name in ("", "what", "to be", "found"):
        table.add_column(name)
    for each in found:
        sign = "[green]✓[/]" if each.ok else "[bold red]✗[/]"
        table.add_row(sign, escape(each.subject), escape(each.expected), escape(each.found))
    console.print(table)
    wrong = [each.subject for each in found if not each.ok]
    console.print("[green]all as it must be[/]" if not wrong else f"[bold red]not as it must be: {'; '.join(wrong)}[/]")
