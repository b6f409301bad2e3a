"""docs/features.md: its example is a feature definition, and it names every kind, metric and setting there is."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from andon.features import Aggregate
from andon.features.kinds import KINDS
from andon.plant import AssetClass
from andon.telemetry.catalogue import CATALOGUE
from services.parity.settings import ParitySettings

PAGE = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
TAGS = {
    "flow": {"unit": "m**3/h"},
    "power": {"unit": "kW"},
    "bearing_temperature": {"unit": "degC"},
    "starts": {"kind": "integer"},
    "mode": {"kind": "state", "states": ["off", "manual", "auto"]},
    "vibration": {"kind": "waveform", "unit": "mm/s"},
}


def block(language: str) -> str:
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0]


def cells(title: str) -> set[str]:
    """Names in the first column of a section's table."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_example_makes_the_features_that_it_says() -> None:
    example = AssetClass.model_validate({"tags": TAGS, **yaml.safe_load(block("yaml"))})
    of_tags = len(example.numeric_tags) * len(example.features.aggregates)
    assert list(example.feature_definition.feature_names[of_tags:]) == block("text").split()
    assert example.feature_units["vibration_energy_0_100_hz"] == "(mm/s)**2"
    assert example.feature_units["power_per_flow"] == "(kW)/(m**3/h)"


def test_the_tables_name_all_that_there_is() -> None:
    assert cells("Aggregates") == set(Aggregate)
    assert cells("Other kinds") == set(KINDS)
    assert cells("Parity") == {name for name in CATALOGUE if name.startswith("andon_parity_")}


def test_the_settings_that_it_names_are_there() -> None:
    assert {name.lower() for name in re.findall(r"ANDON_PARITY__(\w+)", PAGE)} <= set(ParitySettings.model_fields)
