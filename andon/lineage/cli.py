"""`andon why`: from a decision back to the samples that made it, and to the people who let its model act."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.tree import Tree

from andon.errors import ConfigError
from andon.lineage.chain import Chain
from andon.lineage.recompute import recompute
from andon.lineage.view import agreement_lines, chain_tree
from andon.lineage.walk import Walk
from andon.models import Bundle, load_bundle
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.quality.rules import ClassRules
from andon.registry.settings import ClientSettings, ModelSettings
from andon.settings import read_settings
from andon.terminal import terminal

#: Exit code of a recomputation that does not agree.
_DISAGREES = 1


def why(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an alert, inference or feature vector; or an alert's name.")
    ],
    replay: Annotated[
        bool, typer.Option("--replay", help="Compute it again from the raw frames, and compare.")
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(help="With --replay: folder of the bundle that spoke, instead of the registry's."),
    ] = None,
) -> None:
    """Show what a decision was made of: alert, inference and model, feature window, frames, raw offsets.

    Reads the plant model that ANDON_PLANT names and the broker of ANDON_KAFKA__*. Where ANDON_MODELS__REGISTRY__ADDRESS
    names a registry, it also shows who made the model, who let it act, and what was in force.
    """
    settings = read_settings(ClientSettings)
    plant = load_plant(settings.plant)
    given = load_bundle(bundle) if bundle else None
    walk = Walk(settings.kafka, plant)
    try:
        chain = asyncio.run(walk.back_from(name))
        behind, fetched = _behind(chain, settings.models)
        terminal().print(chain_tree(chain, behind))
        if not replay:
            return
        others = asyncio.run(walk.others(chain, since=_remembered_from(chain, plant)))
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise ConfigError(f"the broker at {servers} cannot be used: {error}; see ANDON_KAFKA__*") from error
    agreement = recompute(chain, others, plant, given or fetched)
    for line in agreement_lines(agreement, chain.inference.event["score"] if chain.inference else None):
        terminal().print(line, soft_wrap=True)
    if not agreement.agrees:
        raise typer.Exit(_DISAGREES)


def _behind(chain: Chain, models: ModelSettings) -> tuple[Sequence[Tree], Bundle | None]:
    """Return who stands behind the model that spoke, and the model if it is signed; nothing where no registry is."""
    model = chain.inference.event.get("model") if chain.inference else None
    if chain.inference is None or model is None or models.registry.address is None:
        return (), None
    try:  # here, because sites without a registry need no gRPC
        from andon.lineage.governance import ask_registry
        from andon.lineage.governance_view import governance_trees
    except ModuleNotFoundError as error:
        return [Tree(f"missing: who stands behind it, without {error.name}: pip install 'andon\\[models]'")], None
    governance = asyncio.run(ask_registry(models, model))
    return governance_trees(governance, chain.inference.event, chain.inference.written), governance.bundle


def _remembered_from(chain: Chain, plant: Plant) -> int:
    """Return the event time from which on frames matter to the quality rules of the chain's window."""
    if chain.feature is None:
        return 0
    asset_class = plant.classes[chain.feature.event["asset_class"]]
    return int(chain.feature.event["start"]) - ClassRules.of(asset_class).reach
