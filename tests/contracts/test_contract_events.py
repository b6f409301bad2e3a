"""What every event promises: ids that a replay makes again, JSON that reads back, no change, no nonsense."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from andon.contracts import (
    CATALOGUE,
    Alert,
    Contribution,
    DriftReport,
    FeatureVector,
    Frame,
    Inference,
    Waveform,
    event_id,
)
from andon.contracts.examples import EXAMPLES
from andon.contracts.ids import event_ids
from andon.contracts.schemas import event_schema
from andon.uns import Stage

assets = st.from_regex(r"[A-Za-z0-9_.-]{1,8}(/[A-Za-z0-9_.-]{1,8}){0,5}", fullmatch=True)
moments = st.integers(0, 2**53)
versions = st.text(min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
waveforms = st.builds(Waveform, rate_hz=numbers.filter(lambda rate: rate > 0), samples=st.lists(numbers, max_size=4))
values = st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=8) | waveforms
frames = st.builds(
    Frame,
    id=versions,
    asset=assets,
    time=moments,
    ingest_time=moments,
    server_time=st.none() | moments,
    session=st.text(max_size=8),
    sequence=st.integers(0, 2**53),
    values=st.dictionaries(st.text(max_size=8), values, max_size=4),
    status=st.none() | st.dictionaries(st.text(max_size=8), st.none() | st.integers(0, 2**32 - 1), max_size=3),
    revision=st.integers(0, 2**31),
)
FRAME_SCHEMA = Draft202012Validator(event_schema(Frame))


def changed(event: type[BaseModel], **fields: Any) -> dict[str, Any]:
    return EXAMPLES[event].model_dump() | fields


@given(st.lists(st.tuples(assets, moments), min_size=1, max_size=5), st.sampled_from(Stage), versions)
def test_ids_of_a_batch_are_those_of_its_events(rows: list[tuple[str, int]], stage: Stage, version: str) -> None:
    batch = pl.DataFrame(rows, schema={"asset": pl.String, "time": pl.Int64}, orient="row")
    ids = batch.select(event_ids(stage, version))["id"].to_list()
    assert ids == [event_id(asset, time, stage, version) for asset, time in rows]


@given(frames)
def test_a_frame_reads_back_from_its_json_and_fits_its_schema(frame: Frame) -> None:
    assert Frame.model_validate_json(frame.model_dump_json()) == frame
    FRAME_SCHEMA.validate(frame.model_dump(mode="json"))


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=lambda event: type(event).__name__)
def test_every_event_reads_back_from_its_json(event: BaseModel) -> None:
    assert type(event).model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=lambda event: type(event).__name__)
def test_no_event_changes_once_made(event: BaseModel) -> None:
    for name in type(event).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(event, name, None)


def test_every_contract_has_an_example() -> None:
    assert {spec.event for spec in CATALOGUE.values()} == set(EXAMPLES)


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert Frame.model_validate(changed(Frame, invented="later")) == EXAMPLES[Frame]


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (Frame, "id", ""),
        (Frame, "asset", "water//pump-3"),
        (Frame, "asset", "a/b/c/d/e/f/g"),
        (Frame, "asset", "water/pump 3"),
        (Frame, "time", -1),
        (Frame, "time", 2**53 + 1),
        (Frame, "time", 0.5),
        (Frame, "ingest_time", None),
        (Frame, "sequence", -1),
        (Frame, "values", {"flow": [1.0]}),
        (Frame, "origin", "replay"),
        (Frame, "revision", -1),
        (FeatureVector, "good_ratio", 1.01),
        (FeatureVector, "good_ratio", math.nan),
        (FeatureVector, "features", {"flow_mean": "high"}),
        (Inference, "decision", "maybe"),
        (Alert, "severity", "urgent"),
        (DriftReport, "promised", -1),
        (DriftReport, "cause", "bad luck"),
    ],
)
def test_nonsense_is_refused_and_the_field_named(event: type[BaseModel], field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        event.model_validate(changed(event, **{field: value}))
    assert {error["loc"][0] for error in raised.value.errors()} == {field}


def test_a_value_that_is_not_a_number_travels_as_missing() -> None:
    frame = Frame.model_validate(changed(Frame, values={"flow": math.nan, "pressure": -math.inf, "speed": 1.5}))
    assert Frame.model_validate_json(frame.model_dump_json()).values == {"flow": None, "pressure": None, "speed": 1.5}


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_numbers_that_a_reader_relies_on_are_finite(broken: float) -> None:
    with pytest.raises(ValidationError):
        Waveform(rate_hz=broken, samples=[])
    with pytest.raises(ValidationError):
        Waveform(rate_hz=1.0, samples=[0.0, broken])
    with pytest.raises(ValidationError):
        Contribution(feature="flow_mean", tag="flow", share=1.0, value=1.0, normal=1.0, deviation=broken)
