"""`andon contracts`: write the contracts down for other systems, and check that what is written is true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from andon.contracts.export import contract_files

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def contracts() -> None:
    """Write down what travels on the bus, for systems that read it."""


@app.command()
def export(
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Folder to write to.")] = Path("docs/contracts"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the folder is out of date.")
    ] = False,
) -> None:
    """Write a JSON Schema per event, an [bold]AsyncAPI[/] document and a table of topics.

    All are made from the code, so they are never wrong for long: let CI run it with [bold]--check[/].
    """
    wanted = contract_files()
    changes = differences(directory, wanted)
    if not check:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in wanted.items():
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
    _report(directory, changes, total=len(wanted), check=check)
    if check and changes:
        raise typer.Exit(1)


def differences(directory: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return file name to what is wrong with it: missing, changed, or a schema that is no longer made."""
    found = {name: _state(directory / name, text) for name, text in wanted.items()}
    left_over = {path.name: "left over" for path in directory.glob("*.schema.json") if path.name not in wanted}
    return {name: state for name, state in sorted((found | left_over).items()) if state}


def _state(path: Path, text: str) -> str:
    if not path.exists():
        return "missing"
    return "" if path.read_bytes() == text.encode() else "changed"


def _report(directory: Path, changes: Mapping[str, str], *, total: int, check: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for name, state in changes.items():
        done = state if check or state == "left over" else "written"
        console.print(Text.assemble((f"{done:>9}", "yellow"), "  ", str(directory / name)))
    if any(state == "left over" for state in changes.values()):
        console.print("Files that are left over belong to no event; delete them.")
    if check and changes:
        console.print("Run [bold]andon contracts export[/] and commit what it writes.")
    elif not changes:
        console.print(Text(f"{total} files in {directory} are up to date."))
