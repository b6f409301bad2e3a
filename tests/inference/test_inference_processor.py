"""A verdict for every window: normal, anomaly, or a reason to abstain; the limits always keep watch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.clock import SECOND
from andon.contracts import Decision, FeatureVector, Inference, LimitViolation, Origin
from andon.models import Bundle, make_bundle
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Result, StageSpec
from andon.stream.stage import LINEAGE_COLUMNS
from andon.uns import Stage
from services.inference.limits import LimitWatch
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings, ScoringSettings
from services.inference.windows import Windows
from tests.models.sample import DEFINITION, NAMES, PLANT, bundle, normal, trained, vectors

SETTINGS = InferenceSettings(inference=ScoringSettings(threads=1))
SERVED = {"pump": bundle()}


def stage(plant: Plant = PLANT, bundles: Mapping[str, Bundle] = SERVED) -> StageSpec:
    return inference_stage(plant, bundles, SETTINGS)


STAGE = stage()


def judged(rows: pl.DataFrame, *, by: StageSpec = STAGE) -> pl.DataFrame:
    """Return the inferences that a stage makes of windows of pumps."""
    result = by.open({}, 0).process("pump", rows, now=0)
    assert result.rejected == ()
    (emit,) = result.emits
    assert emit.stage is Stage.INFERENCE
    return emit.rows


def of(features: np.ndarray, by: StageSpec = STAGE) -> Result:
    return by.open({}, 0).process("pump", vectors(features), now=0)


def events(rows: pl.DataFrame) -> list[Inference]:
    """Return rows as consumers read them."""
    return [Inference.model_validate_json(line) for line in rows.drop(LINEAGE_COLUMNS).write_ndjson().splitlines()]


def dry(count: int, *, seed: int = 5) -> np.ndarray:
    """Return windows in which the flow is half of what it should be."""
    features = normal(count, seed=seed)
    features[:, :4] /= 2
    return features


def windows_of(features: pl.DataFrame) -> Windows:
    return Windows(pl.DataFrame({"features": features.to_struct()}))


def plant_with(**changes: object) -> Plant:
    """Return the plant with other definitions in class pump."""
    document = PLANT.model_dump(by_alias=True)
    document["classes"]["pump"] |= changes
    return Plant.model_validate(document)


def test_rows_have_the_columns_of_the_contract_and_their_lineage() -> None:
    rows = judged(vectors(normal(3)))
    lineage = {"first_offset": pl.Int64, "last_offset": pl.Int64, "traceparent": pl.String}
    assert dict(rows.schema) == event_schema(Inference, PLANT.classes["pump"]) | lineage
    assert rows["first_offset"].to_list() == rows["last_offset"].to_list() == [100, 101, 102]


def test_the_stage_reads_only_what_it_needs() -> None:
    read = set(event_schema(FeatureVector, PLANT.classes["pump"], without=STAGE.without))
    assert read == set(vectors(normal(1)).columns) - {"offset", "traceparent"}


def test_a_normal_window_is_normal_and_needs_no_reasons() -> None:
    (event,) = events(judged(vectors(normal(1))))
    assert event.id == f"hall/pump-1@{event.time}:inference:{bundle().manifest.version}"
    assert event.model == bundle().ref
    assert (event.decision, event.reason, event.contributions) == (Decision.NORMAL, None, [])
    assert event.score is not None
    assert event.threshold == bundle().manifest.threshold >= event.score


def test_what_a_sender_leaves_out_has_the_contracts_default() -> None:
    rows = vectors(normal(1)).with_columns(origin=pl.lit(None, dtype=pl.String), revision=pl.lit(None, dtype=pl.Int64))
    (event,) = events(judged(rows))
    assert (event.origin, event.revision) == (Origin.LIVE, 0)


def test_an_anomaly_comes_with_its_reasons() -> None:
    (event,) = events(judged(vectors(dry(1))))
    assert event.decision is Decision.ANOMALY
    assert event.contributions[0].tag == "flow"
    assert event.contributions[0].value < event.contributions[0].normal
    assert len(event.contributions) <= SETTINGS.inference.top_contributions
    first = event.contributions[0]
    assert first.difference == first.value - first.normal
    assert first.words is not None
    assert first.words.startswith("flow ")
    assert first.words.endswith(" below normal")
    assert [part.words is not None for part in event.contributions] == [True, True, True, False, False]


def test_a_window_is_held_against_the_threshold_of_what_is_made() -> None:
    rows = vectors(normal(3))
    products = pl.Series(["water", "syrup", "tar"])
    rows = rows.with_columns(pl.col("context").struct.with_fields(product=products))
    scores = [event.score for event in events(judged(rows))]
    assert all(score is not None and score > 0 for score in scores)
    own = {"product water": 1e-6, "product syrup": 1e6}
    facts = trained().facts.model_copy(update={"regime_thresholds": own})
    by = stage(bundles={"pump": make_bundle(facts, trained().onnx, created=1)})
    water, syrup, tar = events(judged(rows, by=by))
    assert [each.threshold for each in (water, syrup, tar)] == [1e-6, 1e6, facts.threshold]
    assert [each.decision for each in (water, syrup, tar)] == [Decision.ANOMALY, Decision.NORMAL, Decision.NORMAL]
    assert (bool(water.contributions), bool(syrup.contributions)) == (True, False)


def test_a_score_that_can_hold_an_alert_open_comes_with_its_reasons_too() -> None:
    rows = judged(vectors(normal(20_000, seed=6)))
    near = (pl.col("score") > 0.9 * bundle().manifest.threshold).alias("near")
    reasons = rows.select(near, pl.col("contributions").list.len() > 0)
    assert reasons["near"].to_list() == reasons["contributions"].to_list()
    assert 0 < rows.filter(near, decision="normal").height < rows.height


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"good_ratio": 0.69}, "insufficient_good_samples: good_ratio 0.69 is below 0.7"),
        (
            {"definition": "0" * 12},
            f"feature_hash: the model takes vectors of definition {DEFINITION.hash}, this is one of 000000000000",
        ),
    ],
)
def test_a_doubtful_window_makes_the_model_abstain(change: dict[str, object], reason: str) -> None:
    rows = vectors(dry(3)).with_columns(
        pl.when(pl.int_range(3) == 1).then(pl.lit(value)).otherwise(name).alias(name) for name, value in change.items()
    )
    before, doubtful, after = events(judged(rows))
    assert before.decision is after.decision is Decision.ANOMALY
    assert (doubtful.decision, doubtful.reason) == (Decision.ABSTAIN, reason)
    assert (doubtful.score, doubtful.contributions) == (None, [])
    assert doubtful.model == bundle().ref


LATE = 610 * SECOND + DEFINITION.lateness + DEFINITION.idle


def late(lag: int, origin: str = "live") -> pl.DataFrame:
    """Return a window whose data came in so long after its end."""
    return vectors(dry(1)).with_columns(ingest_time=pl.col("time") + lag, origin=pl.lit(origin))


def test_a_live_window_that_ended_long_before_its_data_came_in_is_stale() -> None:
    (event,) = events(judged(late(LATE)))
    assert (event.decision, event.score) == (Decision.ABSTAIN, None)
    assert event.reason == (
        "stale_features: the window ended 627.0 s before its data came in, at most 617 s are allowed"
    )


def test_limits_keep_watch_over_a_stale_window() -> None:
    rows = late(LATE)
    low = rows["features"].struct.unnest().with_columns(flow_min=pl.lit(1.0)).to_struct("features")
    (event,) = events(judged(rows.with_columns(low)))
    assert [violation.bound for violation in event.limit_violations] == ["low_low"]


def test_history_is_never_stale_and_what_a_window_waits_for_is_not_counted() -> None:
    patience = 600 * SECOND + DEFINITION.lateness + DEFINITION.idle
    for rows in (late(LATE, "backfill"), late(patience), late(-SECOND)):
        assert events(judged(rows))[0].decision is Decision.ANOMALY


def test_a_class_says_when_its_windows_are_stale() -> None:
    quick = plant_with(model={"stale_after": "10s"})
    assert events(judged(late(28 * SECOND)))[0].decision is Decision.ANOMALY
    assert str(events(judged(late(28 * SECOND), by=stage(quick)))[0].reason).startswith("stale_features: ")


def test_a_verdict_does_not_depend_on_when_it_is_given() -> None:
    rows, processor = late(LATE - 20 * SECOND), STAGE.open({}, 0)
    first, again = (processor.process("pump", rows, now=now).emits[0].rows for now in (0, 2**52))
    assert first.equals(again)


def test_a_window_of_which_nothing_is_known_is_not_called_normal() -> None:
    (event,) = events(judged(vectors(np.full((1, len(NAMES)), np.nan))))
    assert event.decision is Decision.ABSTAIN
    assert event.reason == "insufficient_good_samples: no feature that the model looks at has a value"


def test_a_missing_feature_counts_as_normal_and_the_others_still_speak() -> None:
    features = dry(1)
    features[0, 0] = np.nan
    (event,) = events(judged(vectors(features)))
    assert event.decision is Decision.ANOMALY
    assert NAMES[0] not in {part.feature for part in event.contributions}


def test_a_value_beyond_float32_is_an_anomaly_with_finite_numbers() -> None:
    features = normal(1)
    features[0, 0] = 1e300
    (event,) = events(judged(vectors(features)))
    assert event.decision is Decision.ANOMALY
    assert event.contributions[0].value == 1e300


def test_a_score_that_is_no_number_makes_the_model_abstain() -> None:
    graph = onnx.load_from_string(trained().onnx)
    weight = next(tensor for tensor in graph.graph.initializer if tensor.name == "weight")
    weight.CopyFrom(onnx.numpy_helper.from_array(np.full((len(NAMES),) * 2, np.nan), "weight"))
    broken = make_bundle(trained().facts, graph.SerializeToString(), created=1)
    (event,) = events(judged(vectors(normal(1)), by=stage(bundles={"pump": broken})))
    assert event.decision is Decision.ABSTAIN
    assert event.reason == "score_not_finite: the model's graph returned no number"


def test_without_a_model_it_says_so_and_the_limits_keep_watch() -> None:
    features = dry(1)
    features[0, NAMES.index("flow_min")] = 3.0
    (event,) = events(judged(vectors(features), by=stage(bundles={})))
    assert event.id.endswith(":inference:none")
    assert (event.model, event.score, event.threshold) == (None, None, None)
    assert event.decision is Decision.ABSTAIN
    assert event.reason == (
        "no_model: there is no trusted model for class pump; the limits of flow, pressure keep watch"
    )
    assert event.limit_violations == [LimitViolation(tag="flow", bound="low", limit=5, value=3)]


def test_a_model_of_another_feature_definition_is_never_asked() -> None:
    features = {"window": "20s", "aggregates": ["min"]}
    plant = plant_with(features=features)
    definition = plant.classes["pump"].feature_definition
    rows = vectors(normal(2)).with_columns(
        definition=pl.lit(definition.hash), features=pl.struct(flow_min=1.0, pressure_min=2.0, power_min=3.0)
    )
    event, _ = events(judged(rows, by=stage(plant)))
    assert event.decision is Decision.ABSTAIN
    assert event.reason == (
        f"feature_hash: the model takes vectors of definition {DEFINITION.hash}, the plant model has {definition.hash}"
    )
    assert [violation.bound for violation in event.limit_violations] == ["low_low"]


def test_a_plant_may_ask_for_more_good_samples_than_the_model() -> None:
    strict = plant_with(model={"min_good_ratio": 0.95})
    rows = vectors(normal(1)).with_columns(good_ratio=0.9)
    assert events(judged(rows))[0].decision is Decision.NORMAL
    assert events(judged(rows, by=stage(strict)))[0].reason == "insufficient_good_samples: good_ratio 0.9 is below 0.95"


def test_the_worst_broken_limit_of_each_side_is_named_with_the_furthest_value() -> None:
    features = normal(3)
    features[0, NAMES.index("flow_min")] = 1.0
    features[0, NAMES.index("pressure_max")] = 61.0
    features[1, NAMES.index("flow_min")] = np.nan
    first, second, third = events(judged(vectors(features)))
    assert first.limit_violations == [
        LimitViolation(tag="flow", bound="low_low", limit=2, value=1),
        LimitViolation(tag="pressure", bound="high", limit=60, value=61),
    ]
    assert second.limit_violations == third.limit_violations == []


def test_without_extremes_the_mean_is_held_against_the_limits() -> None:
    watch = LimitWatch(PLANT.classes["fan"])
    lists = watch.check(windows_of(pl.DataFrame({"speed_mean": [99.0, 101.0]}))).to_list()
    assert [[entry["bound"] for entry in entries] for entries in lists] == [[], ["high"]]
    assert watch.unwatched == ()


def test_a_class_without_limits_breaks_none() -> None:
    plant = plant_with(tags={"flow": {}, "pressure": {}, "power": {}})
    lists = LimitWatch(plant.classes["pump"]).check(windows_of(pl.DataFrame(normal(3), schema=NAMES, orient="row")))
    assert lists.to_list() == [[], [], []]


def test_limits_that_no_feature_can_be_held_against_are_reported() -> None:
    plant = plant_with(features={"aggregates": ["std"]})
    assert LimitWatch(plant.classes["pump"]).unwatched == ("flow", "pressure")
    (event,) = events(
        judged(vectors(normal(1)).with_columns(pl.struct(flow_std=1.0).alias("features")), by=stage(plant, {}))
    )
    assert str(event.reason).endswith(
        "no limit keeps watch either; no feature can be held against those of flow, pressure"
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["normal", "dry", "few", "foreign"]), max_size=12), st.integers(0, 12))
def test_a_verdict_depends_on_its_window_alone(kinds: list[str], cut: int) -> None:
    features = normal(len(kinds)) if kinds else np.empty((0, len(NAMES)))
    kind = pl.Series("kind", kinds, dtype=pl.String)
    features[(kind == "dry").to_numpy()] *= 0.5
    rows = vectors(features).with_columns(
        good_ratio=pl.when(kind == "few").then(0.1).otherwise(1.0),
        definition=pl.when(kind == "foreign").then(pl.lit("0" * 12)).otherwise("definition"),
    )
    whole = judged(rows)
    assert whole.height == len(kinds)
    parts = pl.concat([judged(rows[:cut]), judged(rows[cut:])])
    decisions = {"normal": "normal", "dry": "anomaly", "few": "abstain", "foreign": "abstain"}
    assert whole["decision"].to_list() == [decisions[name] for name in kinds]
    close = whole["score"].fill_null(-1) - parts["score"].fill_null(-1)
    assert (close.abs() <= 1e-5 * whole["score"].fill_null(1)).all()
    exact = ["id", "decision", "reason", "limit_violations", "first_offset"]
    assert whole.select(exact).equals(parts.select(exact))


def test_what_is_said_is_counted() -> None:
    rows = vectors(np.concatenate([normal(3), dry(2)])).with_columns(
        good_ratio=pl.when(pl.int_range(5) == 0).then(0.1).otherwise(1.0)
    )
    result = STAGE.open({}, 0).process("pump", rows, now=0)
    counts = {(count.metric, *count.labels.values()): count.amount for count in STAGE.measure("pump", result)}
    assert counts == {
        ("andon_inferences_total", "pump", "production", "normal"): 2,
        ("andon_inferences_total", "pump", "production", "anomaly"): 2,
        ("andon_inferences_total", "pump", "production", "abstain"): 1,
        ("andon_abstentions_total", "pump", "production", "insufficient_good_samples"): 1,
    }


def test_every_window_that_only_limits_watch_is_counted_and_so_is_what_they_find() -> None:
    features = dry(3)
    features[0, NAMES.index("flow_min")] = 3.0
    by = stage(bundles={})
    counts = {(count.metric, *count.labels.values()): count.amount for count in by.measure("pump", of(features, by))}
    assert counts == {
        ("andon_inferences_total", "pump", "production", "abstain"): 3,
        ("andon_abstentions_total", "pump", "production", "no_model"): 3,
        ("andon_limit_violations_total", "pump", "limits"): 1,
    }


def test_what_goes_on_the_bus_is_strict_json() -> None:
    rows = judged(vectors(np.concatenate([normal(2), dry(2)])))
    assert all(orjson.loads(line) for line in rows.write_ndjson().splitlines())
