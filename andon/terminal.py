"""How commands write for people: as wide as the terminal, and whole where there is none."""

from __future__ import annotations

import sys

from rich.console import Console

#: Columns of what goes to a file or another program, which has no width of its own; ids and digests stay whole.
_FILE_WIDTH = 400


def terminal() -> Console:
    """Return where to print: folded to the terminal's width, or unfolded into a file or another program."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
