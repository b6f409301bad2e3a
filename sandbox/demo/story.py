"""What the demo's page shows beside the figures: scores over time, what truly happened, one alert walked back."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from andon.lineage.chain import Chain
from andon.lineage.governance import ask_registry
from andon.lineage.governance_view import governance_trees
from andon.lineage.view import chain_tree
from andon.lineage.walk import Walk
from andon.plant import Plant
from andon.registry.settings import ModelSettings
from andon.settings import KafkaSettings
from sandbox.demo.evaluation import AlertSpan, LabelledEvent
from sandbox.registry import RegistrySite

_WALK_WIDTH = 118
#: Who asks the registry for the page: somebody who may look, and nothing else.
_VIEWER = "clara"


@dataclass(frozen=True, slots=True)
class Trace:
    """What acted said of one machine's windows, in order of time.

    Attributes:
        time: ``[n]`` end of each window, microseconds UTC.
        ratio: ``[n]`` score in units of the threshold; NaN where the model abstained.
    """

    time: NDArray[np.int64]
    ratio: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Story:
    """What is told beside the figures.

    Attributes:
        events: ground truth.
        alerts: all that people were told of.
        traces: of each machine.
        families: of each class, the family of its models.
        walk: an alert's name, and `andon why` of it; None when there was no alert.
    """

    events: Sequence[LabelledEvent]
    alerts: Sequence[AlertSpan]
    traces: Mapping[str, Trace]
    families: Mapping[str, str]
    walk: tuple[str, str] | None


def traces(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Trace]:
    """Return the trace of each asset from inferences (as JSON); shadows do not count, and repeats once."""
    acting = {each["id"]: each for each in verdicts if each["role"] != "shadow"}
    rows: dict[str, list[tuple[int, float]]] = {}
    for each in sorted(acting.values(), key=lambda event: (event["asset"], event["time"])):
        ratio = float("nan") if each["score"] is None else each["score"] / each["threshold"]
        rows.setdefault(each["asset"], []).append((each["time"], ratio))
    return {
        asset: Trace(np.array([time for time, _ in pairs]), np.array([ratio for _, ratio in pairs]))
        for asset, pairs in rows.items()
    }


async def walk_back(kafka: KafkaSettings, plant: Plant, site: RegistrySite, alert: str) -> str:
    """Return what `andon why` says of an alert: back to its samples, and to the people behind the model that spoke.

    Raises:
        ConfigError: there is no such alert on the bus.
        KafkaError: the broker cannot be used.
    """
    chain: Chain = await Walk(kafka, plant).back_from(alert)
    behind = []
    if chain.inference and (model := chain.inference.event.get("model")):
        settings = ModelSettings(registry=site.client(_VIEWER), trust=site.trust)
        governance = await ask_registry(settings, model)
        behind = governance_trees(governance, chain.inference.event, chain.inference.written)
    console = Console(record=True, width=_WALK_WIDTH, file=io.StringIO(), highlight=False)
    console.print(chain_tree(chain, behind))
    return console.export_text()
