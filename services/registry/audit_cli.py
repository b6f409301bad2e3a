"""`andon registry audit`: read the audit log, keep it, and prove that it is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from andon.errors import ConfigError
from andon.registry.audit import Receipt, findings
from andon.registry.consistency import contradictions
from andon.registry.ledger import read_all, read_log, read_log_file, write_log
from andon.terminal import terminal
from services.registry.session import LARGEST, asked
from services.registry.view import entries_view

#: Exit code of an audit log that is not what it was.
_BROKEN = 1

app = typer.Typer(no_args_is_help=True, help="Who did what, when and why.")


@app.command("list")
def list_entries(first: Annotated[int, typer.Option(min=1, max=LARGEST, help="Entry to begin with.")] = 1) -> None:
    """Show the audit log."""
    terminal().print(entries_view(asked(lambda client: read_log(client, first))))


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that is not there yet.")],
) -> None:
    """Write the whole audit log to a file, a line of JSON each, for an auditor without access to the registry."""
    entries = asked(read_log)
    write_log(entries, output)
    last = f"; the last is {Receipt(entries[-1].number, entries[-1].hash)}" if entries else ""
    terminal().print(Text(f"{len(entries)} entries written to {output}{last}"), soft_wrap=True)


@app.command()
def verify(
    receipt: Annotated[
        list[str] | None, typer.Option(help="NUMBER:HASH that a change printed; may be given again and again.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Look at what `export` wrote, instead of asking the registry.")
    ] = None,
) -> None:
    """Check the whole audit log: edited, removed or reordered entries, and receipts that it does not bear out.

    Asked of the registry, it also checks that versions, requests and aliases are stored as the log tells. The exit code
    is 1 when anything is not sound. Receipts kept outside the registry prove that the log's end was not cut off.
    """
    try:
        receipts = [Receipt.parse(text) for text in receipt or ()]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if file:
        entries, wrong = read_log_file(file), []
    else:
        entries, stored = asked(read_all)
        wrong = list(contradictions(entries, stored))
    wrong = [*findings(entries, receipts), *wrong]
    for finding in wrong:
        terminal().print(Text(finding, style="red"))
    if wrong:
        raise typer.Exit(_BROKEN)
    alone = "" if file else ", and all that is stored agrees"
    last = f"; the last is {Receipt(entries[-1].number, entries[-1].hash)}" if entries else ""
    terminal().print(Text(f"sound: {len(entries)} entries{alone}{last}"), soft_wrap=True)
