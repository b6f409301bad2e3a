"""Services of two releases run side by side during an upgrade, so each must take what the other sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from andon.contracts import CATALOGUE, ContextFrame, FeatureVector, Frame, Inference
from andon.contracts.examples import EXAMPLES
from andon.plant import Plant
from andon.stream.codec import Decoder
from andon.uns import Stage

#: Stages that a service reads in batches.
INPUTS = (Stage.RAW, Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE)
#: Fields that are needed today. A new field must be optional, or a service that is upgraded first would set aside what
#: the others still send; a name may be taken off this list, but not added. A break needs a new version of the topics.
REQUIRED: dict[type[BaseModel], set[str]] = {
    Frame: {"id", "asset", "time", "ingest_time", "session", "sequence", "values"},
    ContextFrame: {
        *("id", "asset", "time", "ingest_time", "session", "sequence", "values"),
        *("asset_class", "plant", "units", "limits"),
    },
    FeatureVector: {
        *("id", "asset", "time", "ingest_time", "asset_class", "definition", "start"),
        *("samples", "expected", "good_ratio", "features"),
    },
    Inference: {
        *("id", "asset", "time", "ingest_time", "asset_class", "definition", "start"),
        *("model", "decision", "score", "threshold"),
    },
}


@dataclass(frozen=True)
class Received:
    """A record of a poll."""

    value: bytes
    key: bytes
    offset: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def plant() -> Plant:
    tags: dict[str, dict[str, Any]] = {name: {} for name in ("flow", "vibration", "bearing_temperature")}
    tags |= {"starts": {"kind": "integer"}, "running": {"kind": "boolean"}}
    tags |= {"mode": {"kind": "state", "states": ["auto"]}, "acceleration": {"kind": "waveform", "rate_hz": 25_600}}
    pump = EXAMPLES[Frame].model_dump()["asset"]
    classes = {"centrifugal-pump": {"tags": tags}}
    assets = {pump: {"class": "centrifugal-pump"}}
    return Plant.model_validate({"enterprise": "acme", "site": "north", "classes": classes, "assets": assets})


def received(event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a service reads of an event, whatever its columns; nothing may be rejected."""
    stage = next(stage for stage in INPUTS if event["id"].split(":")[1] == stage)
    record = Received(orjson.dumps(event), event["asset"].encode())
    decoded = Decoder(plant(), CATALOGUE[stage].event).decode([record])
    assert decoded.rejected == []
    return [row for rows in decoded.rows.values() for row in rows.to_dicts()]


def from_the_future(value: Any) -> Any:
    """Return an object with a field more, and so each contract in it."""
    if isinstance(value, BaseModel):
        fields = {name: from_the_future(getattr(value, name)) for name in type(value).model_fields}
        return {**fields, "added_later": {"anything": [1, "x", None]}}
    if isinstance(value, dict):
        return {key: from_the_future(each) for key, each in value.items()}
    return [from_the_future(each) for each in value] if isinstance(value, list | tuple) else value


def from_the_past(event: BaseModel) -> dict[str, Any]:
    """Return only those fields that an event must have."""
    names = {name for name, field in type(event).model_fields.items() if field.is_required()}
    return event.model_dump(mode="json", include=names)


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=lambda event: type(event).__name__)
def test_what_a_newer_release_adds_is_ignored(event: BaseModel) -> None:
    newer = orjson.dumps(from_the_future(event))
    assert type(event).model_validate_json(newer) == event


@pytest.mark.parametrize("event", [EXAMPLES[kind] for kind in REQUIRED], ids=lambda event: type(event).__name__)
def test_batches_ignore_what_a_newer_release_adds(event: BaseModel) -> None:
    newer = orjson.loads(orjson.dumps(from_the_future(event)))
    for name in ("values", "features"):  # names there are data: a tag that the plant model does not know
        newer.get(name, {}).pop("added_later", None)
    assert received(newer) == received(event.model_dump(mode="json"))


@pytest.mark.parametrize(("kind", "required"), REQUIRED.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_what_an_older_release_does_not_send_yet_is_not_missed(kind: type[BaseModel], required: set[str]) -> None:
    older = from_the_past(EXAMPLES[kind])
    assert older.keys() <= required, "a new field must be optional"
    kind.model_validate(older)
    assert len(received(older)) == 1
