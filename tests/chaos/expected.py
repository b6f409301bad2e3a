"""What an undisturbed plant would have put out: the same frames, one after the other, in one batch and one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from andon.plant import Plant
from andon.uns import Stage
from services.alert.settings import AlertSettings
from tests.faults.processes import undisturbed

Events = Mapping[str, Mapping[str, Any]]

STAGES = (Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE, Stage.ALERT)
#: Without a model an alert ends when its machine has been without a verdict for so long: a life of some seconds.
ALERTS = AlertSettings.model_validate({"alert": {"blind_after": "3s"}})
#: Fields that say when, or under what conditions, an event was made, and not what it says.
_CIRCUMSTANCE = "context"


def expected_events(plant: Plant, frames: Sequence[dict[str, Any]]) -> dict[Stage, Events]:
    """Return the events of each stage by id, but for windows that are open when the last frame has come."""
    now = frames[-1]["time"]
    outputs = undisturbed(plant, frames, now=now, close=False, alerts=ALERTS)
    return {stage: {name: content(event) for name, event in outputs[stage].items()} for stage in STAGES}


def content(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says; that news of the plant were out of reach when it was made (stale) is no part of it."""
    said = dict(event)
    if said.get(_CIRCUMSTANCE):
        said[_CIRCUMSTANCE] = {name: value for name, value in said[_CIRCUMSTANCE].items() if name != "stale"}
    return said
