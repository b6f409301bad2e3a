"""The features named for a score are those that account for most of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from andon.contracts import Contribution
from andon.models import Explainer, Scorer, Scores
from tests.models.sample import NAMES, normal, trained

FACTS = trained().facts
TAGS = dict(zip(FACTS.features, FACTS.tags, strict=True))


def explained(matrix: np.ndarray, top: int = 5) -> list[list[dict[str, Any]]]:
    scores = Scorer(trained().onnx, features=len(NAMES), threads=1).score(matrix.astype(np.float32))
    return Explainer(FACTS, top=top).explain(matrix, scores).to_list()


def test_a_single_disturbed_feature_comes_first_with_its_own_numbers() -> None:
    for column, name in enumerate(NAMES):
        matrix = normal(1, seed=column)
        profile = FACTS.reference.features[name]
        assert profile.mean is not None
        assert profile.std is not None
        matrix[0, column] = profile.mean + 12 * profile.std
        first = explained(matrix)[0][0]
        assert (first["feature"], first["tag"]) == (name, TAGS[name])
        assert first["value"] == matrix[0, column]
        assert first["normal"] == profile.mean
        np.testing.assert_allclose(first["deviation"], 12)


def test_all_shares_sum_to_one_where_none_is_negative() -> None:
    scores = Scores(np.array([8.0], np.float32), np.array([[1, 2, 5] + [0] * 9], np.float32))
    found = Explainer(FACTS, top=12).explain(normal(1), scores).to_list()[0]
    assert [entry["share"] for entry in found] == [5 / 8, 2 / 8, 1 / 8]
    assert [entry["feature"] for entry in found] == [NAMES[2], NAMES[1], NAMES[0]]


def test_a_missing_feature_is_never_a_reason() -> None:
    matrix = normal(1)
    matrix[0, :] += 1_000
    matrix[0, 3] = np.nan
    assert NAMES[3] not in {entry["feature"] for entry in explained(matrix, top=12)[0]}


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 6), st.just(len(NAMES))), elements=st.integers(-5, 20)),
    st.integers(1, 20),
)
def test_ranking_agrees_with_a_plain_sort(parts: np.ndarray, top: int) -> None:
    scores = Scores(np.maximum(parts.sum(axis=1), 1).astype(np.float32), parts)
    found = Explainer(FACTS, top=top).explain(normal(len(parts)), scores).to_list()
    for row, entries in zip(parts, found, strict=True):
        ranked = sorted(range(len(NAMES)), key=lambda column, row=row: -row[column])[:top]  # type: ignore[misc]
        assert [entry["feature"] for entry in entries] == [NAMES[column] for column in ranked if row[column] > 0]


def test_reasons_are_contributions_of_the_contract() -> None:
    matrix = normal(3) + 100
    scores = Scorer(trained().onnx, features=len(NAMES), threads=1).score(matrix.astype(np.float32))
    column = Explainer(FACTS).explain(matrix, scores)
    for line in pl.DataFrame({"contributions": column}).explode("contributions")["contributions"].to_list():
        assert Contribution.model_validate(line).share > 0


def test_the_first_three_are_told_in_words_with_sign_and_unit() -> None:
    matrix = normal(1)
    profile = FACTS.reference.features["flow_mean"]
    assert profile.mean is not None
    assert profile.std is not None
    matrix[0, 0] = profile.mean - 12 * profile.std
    scores = Scorer(trained().onnx, features=len(NAMES), threads=1).score(matrix.astype(np.float32))
    units = {"flow": "m**3/h", "pressure": "bar"}
    first, *others = Explainer(FACTS, units=units, top=12).explain(matrix, scores).to_list()[0]
    assert (first["unit"], first["difference"]) == ("m**3/h", matrix[0, 0] - profile.mean)
    assert first["words"] == f"flow mean {12 * profile.std:.3g} m³/h below normal"
    assert [each["words"] is not None for each in others[:4]] == [True, True, False, False]
    assert {each["unit"] for each in others if each["tag"] == "power"} <= {None}
