"""What a model is compared with later: windows in order, a fair share of each machine, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.errors import BundleError
from andon.features import FeatureDefinition
from andon.features.regime import fields_of, regimes
from andon.models import Reference, load_bundle, make_bundle, save_bundle
from services.trainer.datasets.card import content_hash
from services.trainer.train import train_class
from tests.models.sample import NAMES, bundle, normal, order, trained, vectors


def windows(**counts: int) -> pl.DataFrame:
    assets = [asset for asset, count in counts.items() for _ in range(count)]
    times = [time for count in counts.values() for time in range(count)]
    rows = pl.DataFrame({"asset": assets, "time": times}, schema={"asset": pl.String, "time": pl.Int64})
    return rows.with_columns(regime=pl.lit(""), score=pl.lit(1.0), x=pl.col("time") / 8)


def test_a_trained_model_brings_the_windows_that_it_learned_from() -> None:
    found = Reference.parse(trained().reference, NAMES)
    facts = trained().facts.training
    assert found.features == NAMES
    assert found.frame.height == facts.fit_windows + facts.calibration_windows
    assert found.frame["time"].max() == facts.last
    original = vectors(normal(400)).join(found.frame, on=["asset", "time"])
    sent = original["features"].struct.unnest().cast(pl.Float32)
    assert sent.equals(original.select(pl.col(f"{name}").alias(name) for name in NAMES).select(NAMES))
    assert (found.frame["score"] > 0).all()


def test_the_regime_of_the_context_goes_with_the_windows() -> None:
    learned = vectors(normal(400))
    told = learned.with_columns(regimes(learned, order().asset_class.feature_definition))
    found = Reference.parse(train_class(told, order()).reference, NAMES)
    assert found.frame["regime"].unique().to_list() == ["product water"]


@given(counts=st.dictionaries(st.sampled_from("abcde"), st.integers(1, 30), min_size=1), rows=st.integers(5, 60))
def test_of_too_many_windows_the_newest_are_kept_and_each_asset_has_its_share(
    counts: dict[str, int], rows: int
) -> None:
    kept = Reference.of(windows(**counts), ("x",), rows=rows).frame
    left = dict(kept["asset"].value_counts().rows())
    assert kept.height <= rows
    assert kept.height == sum(counts.values()) or rows - kept.height < len(counts)  # as many as evenly can be
    for asset, count in counts.items():
        times = kept.filter(asset=asset)["time"].to_list()
        assert times == list(range(count - left[asset], count))
        assert left[asset] == count or left[asset] == max(left.values())


@given(
    values=st.lists(st.one_of(st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False)), min_size=1),
)
def test_what_is_written_is_read_again(values: list[float | None]) -> None:
    rows = windows(a=len(values)).with_columns(pl.Series("x", values, dtype=pl.Float64))
    made = Reference.of(rows, ("x",))
    assert Reference.parse(made.render(), ("x",)).frame.equals(made.frame)
    assert made.render() == made.render()


def without(*columns: str) -> bytes:
    return written(Reference.of(windows(a=3), ("x",)).frame.drop(columns))


def written(frame: pl.DataFrame) -> bytes:
    return dataclasses.replace(Reference.of(windows(a=1), ("x",)), frame=frame).render()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no Parquet file"),
        (b"PAR1 or so", "is no Parquet file"),
        (without("score"), "does not hold the columns asset, time, regime, score"),
        (without("x"), "look at 'x'"),
        (written(windows(a=2)), "look at 'score'"),
        (written(Reference.of(windows(a=2), ("x",)).frame.with_columns(time=pl.lit(1, pl.Int64))), "there twice"),
        (written(Reference.of(windows(a=3), ("x",)).frame.reverse()), "not by asset and time"),
        (
            written(Reference.of(windows(a=3), ("x",)).frame.with_columns(regime=pl.lit(None, pl.String))),
            "without asset",
        ),
    ],
)
def test_another_file_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        Reference.parse(content, ("x",))


def test_a_bundle_from_before_the_reference_is_loaded_as_it_was(tmp_path: Path) -> None:
    old = make_bundle(trained().facts, trained().onnx, created=1)
    saved = save_bundle(old, tmp_path)
    assert sorted(path.name for path in saved.iterdir()) == ["manifest.json", "model.onnx"]
    assert load_bundle(saved) == old
    assert old.manifest.version != bundle().manifest.version


def test_the_regimes_of_a_dataset_belong_to_its_content() -> None:
    rows = vectors(normal(20)).with_columns(abnormal=False, samples=1, expected=1)
    first, second = (rows.with_columns(regime=pl.lit(regime)) for regime in ("product a", "product b"))
    hashes = {content_hash("0" * 12, {"train": each}) for each in (rows, first, second)}
    assert len(hashes) == 3


CONTEXT = pl.Struct({"product": pl.String, "recipe": pl.String})
RANGES = FeatureDefinition.model_validate(
    {"tags": ["x"], "aggregates": ["mean"], "extra": {"regime": [{"tags": ["x"], "edges": [10]}]}}
)


def told(products: list[str | None], recipes: list[str | None], mean: list[float]) -> pl.DataFrame:
    contexts = [{"product": each, "recipe": recipe} for each, recipe in zip(products, recipes, strict=True)]
    low = np.array(mean) < 10
    features = pl.DataFrame({"x_mean": mean, "x_regime_0": low.astype(float), "x_regime_1": (~low).astype(float)})
    return pl.DataFrame({"context": pl.Series(contexts, dtype=CONTEXT), "features": features.to_struct()})


def test_a_regime_names_product_recipe_and_range_as_far_as_they_are_known() -> None:
    rows = told(["still, cold", None, "cola"], ["R7", "R7", None], [5.0, 20.0, 5.0])
    labels = regimes(rows, RANGES)
    assert labels.to_list() == [
        "product still  cold, recipe R7, x range 0",
        "recipe R7, x range 1",
        "product cola, x range 0",
    ]
    assert fields_of(labels) == ("product", "recipe")
    assert fields_of(labels.slice(2)) == ("product",)
    assert regimes(rows, RANGES, ()).to_list() == ["x range 0", "x range 1", "x range 0"]
    assert regimes(rows.drop("context"), RANGES).to_list() == ["x range 0", "x range 1", "x range 0"]


def test_without_anything_that_tells_them_apart_there_is_one_regime() -> None:
    plain = FeatureDefinition(tags=("x",))
    rows = told([None], [None], [5.0])
    assert regimes(rows, plain).to_list() == [""]
    assert regimes(rows.drop("context"), plain).to_list() == [""]
    assert regimes(rows.clear(), plain).to_list() == []
