"""`andon why`: from a decision back to the samples that made it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from andon.errors import ConfigError
from andon.lineage.chain import Chain
from andon.lineage.recompute import recompute
from andon.lineage.view import agreement_lines, chain_tree
from andon.lineage.walk import Walk
from andon.models import load_bundle
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.quality.rules import ClassRules
from andon.settings import Settings, read_settings

#: Exit code of a recomputation that does not agree.
_DISAGREES = 1
#: Columns of what goes to a file or another program, which has no width of its own; ids and digests stay whole.
_FILE_WIDTH = 400


def why(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an alert, inference or feature vector; or an alert's name.")
    ],
    replay: Annotated[
        bool, typer.Option("--replay", help="Compute it again from the raw frames, and compare.")
    ] = False,
    bundle: Annotated[Path | None, typer.Option(help="With --replay: folder of the model bundle that spoke.")] = None,
) -> None:
    """Show what a decision was made of: alert, inference and model, feature window, frames, raw offsets.

    Reads the plant model that ANDON_PLANT names and the broker of ANDON_KAFKA__*.
    """
    settings = read_settings(Settings)
    plant = load_plant(settings.plant)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    walk = Walk(settings.kafka, plant)
    try:
        chain = asyncio.run(walk.back_from(name))
        console.print(chain_tree(chain))
        if not replay:
            return
        others = asyncio.run(walk.others(chain, since=_remembered_from(chain, plant)))
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise ConfigError(f"the broker at {servers} cannot be used: {error}; see ANDON_KAFKA__*") from error
    agreement = recompute(chain, others, plant, load_bundle(bundle) if bundle else None)
    for line in agreement_lines(agreement):
        console.print(line, soft_wrap=True)
    if not agreement.agrees:
        raise typer.Exit(_DISAGREES)


def _remembered_from(chain: Chain, plant: Plant) -> int:
    """Return the event time from which on frames matter to the quality rules of the chain's window."""
    if chain.feature is None:
        return 0
    asset_class = plant.classes[chain.feature.event["asset_class"]]
    return int(chain.feature.event["start"]) - ClassRules.of(asset_class).reach
