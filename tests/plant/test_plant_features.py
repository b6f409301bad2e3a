"""Features in plant.yaml: tags that are not there, or of the wrong kind, are named with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from andon.plant import AssetClass

TAGS = {
    "flow": {"unit": "m**3/h"},
    "starts": {"kind": "integer"},
    "mode": {"kind": "state", "states": ["off", "auto"]},
    "running": {"kind": "boolean"},
    "vibration": {"kind": "waveform", "unit": "mm/s"},
}
BANDS = {"bands_hz": [[0, 0.5]]}


def findings(extra: dict[str, Any]) -> str:
    with pytest.raises(ValueError, match="validation error") as raised:
        AssetClass.model_validate({"tags": TAGS, "features": {"extra": extra}})
    return str(raised.value)


@pytest.mark.parametrize(
    ("extra", "place", "text"),
    [
        ({"mad": [{"tags": ["flwo"]}]}, "mad.0.tags.0", "'flwo' is no tag of the class (did you mean 'flow'?)"),
        ({"ewma": [{"tags": ["flow", "mode"], "half_life": 1}]}, "ewma.0.tags.1", "ewma is for integer, number"),
        ({"changes": [{"tags": ["vibration"]}]}, "changes.0.tags.0", "boolean, integer, number, state (remove it)"),
        ({"band_energy": [{"tags": ["flow"], **BANDS}]}, "band_energy.0.tags.0", "whose spectrum needs `rate_hz`"),
        (
            {"band_energy": [{"tags": ["vibration"], "rate_hz": 5, **BANDS}]},
            "band_energy.0.tags.0",
            "which says its rate itself",
        ),
        (
            {"time_in_state": [{"tags": ["mode"], "states": ["atuo"], "hold": 1}]},
            "time_in_state.0.states.0",
            "'atuo' is no state of its tags (did you mean 'auto'?)",
        ),
        (
            {"time_in_state": [{"tags": ["running"], "states": ["on"], "hold": 1}]},
            "time_in_state.0.states.0",
            "known are true, false",
        ),
        ({"mad": [{"tags": ["flow"]}, {"tags": ["flow"]}]}, "features", "makes 2 features of the name 'flow_mad'"),
    ],
)
def test_what_is_wrong_with_tags_of_features_is_said_at_its_place(extra: dict[str, Any], place: str, text: str) -> None:
    found = findings(extra)
    assert place in found
    assert text in found


def test_a_class_without_numbers_has_no_features_and_is_told_so() -> None:
    waveform = {"tags": {"v": {"kind": "waveform"}}, "features": {"extra": {"spectral_centroid": [{"tags": ["v"]}]}}}
    with pytest.raises(ValueError, match="needs a number or integer tag in the class"):
        AssetClass.model_validate(waveform)


def test_a_class_knows_the_units_of_its_features() -> None:
    extra = {"rate": [{"tags": ["flow"]}], "increase": [{"tags": ["starts"]}], "changes": [{"tags": ["mode"]}]}
    features = {"aggregates": ["mean"], "extra": extra}
    made = AssetClass.model_validate({"tags": TAGS, "features": features})
    assert made.feature_units == {
        "flow_mean": "m**3/h",
        "starts_mean": None,
        "flow_rate_max": "m**3/h/s",
        "flow_rate_mean": "m**3/h/s",
        "mode_changes": None,
        "starts_increase": None,
    }
