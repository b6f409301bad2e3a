"""`andon plant`: check a plant model, try it on what came lately, and let an editor check it while it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from andon.errors import ConfigError, PlantError
from andon.plant.load import load_plant
from andon.plant.model import Plant
from andon.plant.schema import plant_schema
from andon.units import parse_duration
from andon.uns import Stage, TopicName

#: Exit code for a file that a person must correct.
_WRONG = 2

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


def _span(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.callback()
def plant() -> None:
    """Describe your machines: check the plant model, and write its schema for your editor."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The plant model, such as plant.yaml.")],
    against: Annotated[
        int | None,
        typer.Option(
            metavar="DURATION",
            parser=_span,
            help="Also try it on the site's raw frames of the last while, such as 30min or 2h, and show what it "
            "changes: marks, values, limits, machines. Reads the broker of ANDON_KAFKA__*; writes nothing.",
        ),
    ] = None,
    current: Annotated[
        Path | None, typer.Option(help="With --against: the plant model that is applied now; by default ANDON_PLANT's.")
    ] = None,
) -> None:
    """Check a plant model, and show what Andon will make of it.

    Every finding is shown at once, with its line, what is wrong and what to do; the exit code is 2 then.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        model = load_plant(file)
    except PlantError as error:
        findings = str(error).splitlines()
        for finding in findings:
            console.print(_coloured(finding))
        console.print(f"{len(findings)} to correct", style="bold red")
        raise typer.Exit(_WRONG) from None
    if against is None:
        _summarise(console, model)
        return
    from andon.rehearsal.command import rehearse  # only this needs the broker's client and takes its time to load

    rehearse(console, model, against, current)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; stdout when not given.")] = None,
) -> None:
    """Write the JSON Schema of plant.yaml, with which editors complete and check it while you type.

    Name it in the first line of the file: [cyan]# yaml-language-server: $schema=plant.schema.json[/]
    """
    text = schema_text()
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise ConfigError(f"{output} cannot be written: {error.strerror}") from None


def schema_text() -> str:
    """Return the JSON Schema of plant.yaml as it is written to a file."""
    return json.dumps(plant_schema(), indent=2, ensure_ascii=False) + "\n"


def _coloured(finding: str) -> Text:
    text = Text(finding)
    text.highlight_regex(r"^.*?:\d+:", "cyan")
    text.highlight_regex(r"^.*?:\d+: (?P<place>.*?):", "bold")
    text.highlight_regex(r"\([^()]*\)$", "green")
    return text


def _summarise(console: Console, model: Plant) -> None:
    console.print(Text.assemble((f"{model.enterprise} / {model.site}", "bold"), f"  version {model.version}"))
    table = Table("class", box=box.SIMPLE_HEAD)
    for heading in ("machines", "tags", "features"):
        table.add_column(heading, justify="right")
    for name, asset_class in model.classes.items():
        machines = sum(asset.asset_class == name for asset in model.assets.values())
        features = len(asset_class.feature_definition.feature_names)
        table.add_row(name, str(machines), str(len(asset_class.tags)), str(features))
    console.print(table)
    for case in model.use_cases:
        console.print(
            f"use case  {case.name}: {case.kpi} from {case.baseline:g} to {case.target:g} {case.unit}".rstrip()
        )
    for stage in Stage:
        console.print(f"topic     {TopicName(model.enterprise, model.site, stage, model.prefix)}")
