"""What the commands of the trainer show in a terminal."""

from __future__ import annotations

from rich.console import Console

from andon.models import Verdict


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print go or no go, and each criterion with what was measured, what was asked for, and on what."""
    console.print(f"  {'go' if verdict.go else 'no go'}", style="green" if verdict.go else "red")
    for each in verdict.criteria:
        style = None if each.met else "red"
        asked = f"{each.name}: {each.value:.4g}, {each.bound}"
        console.print(f"  {asked} ({each.evidence})", style=style, markup=False)
