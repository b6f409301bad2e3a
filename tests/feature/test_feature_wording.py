"""What people read of features. Every text here is a snapshot: read it aloud before you change it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.features import Aggregate, FeatureDefinition
from andon.features.wording import difference_in_words, feature_in_words, signal_in_words
from andon.units import registry


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vibration mean", 3.1, "mm/s", 8.0), "vibration mean 3.1 mm/s above normal"),
        (("flow minimum", -12.345, "m³/h", -4.0), "flow minimum 12.3 m³/h below normal"),
        (("TT-101 maximum", 0.0204, "", 3.0), "TT-101 maximum 0.0204 above normal"),
        (("flow mean", 0.2, "m³/h", 0.4), "flow mean 0.2 m³/h above normal, out of step with the other signals"),
    ],
)
def test_a_difference_has_a_side_a_size_and_a_unit(arguments: tuple[str, float, str, float], words: str) -> None:
    assert difference_in_words(*arguments) == words


def test_features_of_a_tag_are_told_apart_and_a_level_is_called_as_its_tag() -> None:
    assert len({feature_in_words("flow", aggregate) for aggregate in Aggregate}) == len(Aggregate)
    assert feature_in_words("bearing_temperature", "mean") == "bearing temperature mean"
    assert feature_in_words("vibration", "peak_to_peak") == "vibration swing"
    assert signal_in_words("bearing_temperature", "max") == "bearing temperature"
    assert signal_in_words("vibration", "std") == "spread of vibration"
    assert signal_in_words("vibration", "envelope_85_95_hz") == "envelope 85 95 hz of vibration"
    assert feature_in_words("flow", "correlation_power") == "flow correlation power"


@pytest.mark.parametrize(
    ("aggregate", "unit", "expected"),
    [
        ("mean", "mm/s", "mm/s"),
        ("std", "mm/s", "mm/s"),
        ("slope", "degC", "degC/s"),
        ("slope", None, "1/s"),
        ("slope", "dimensionless", "1/s"),
        ("kurtosis", "mm/s", None),
        ("crest_factor", "mm/s", None),
        ("good_ratio", "mm/s", None),
        ("mean", None, None),
    ],
)
def test_a_feature_has_its_own_unit(aggregate: str, unit: str | None, expected: str | None) -> None:
    (feature,) = FeatureDefinition.model_validate({"tags": ["x"], "aggregates": [aggregate]}).features
    assert feature.unit({"x": unit}) == expected
    if expected:
        registry().parse_units(expected)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_every_difference_can_be_said(difference: float, deviation: float) -> None:
    words = difference_in_words("flow mean", difference, "bar", deviation)
    assert words.startswith("flow mean ")
    assert (" below " in words) == (difference < 0)
    assert "  " not in words
