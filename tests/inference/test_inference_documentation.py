"""docs/inference.md names what the code has: every code, outcome and metric, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from andon.telemetry.catalogue import CATALOGUE
from services.inference.abstention import Abstention
from services.inference.compare import ABSTAINED, AGREE, CHALLENGER_ONLY, CHAMPION_ONLY

PAGE = (Path(__file__).parents[2] / "docs" / "inference.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_reason_to_abstain_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("When a model abstains"), re.MULTILINE) == [*Abstention]


def test_every_outcome_of_a_comparison_is_explained() -> None:
    for outcome in (AGREE, CHAMPION_ONLY, CHALLENGER_ONLY, ABSTAINED):
        assert f"`{outcome}`" in section("Roles")


def test_every_metric_has_the_labels_that_the_page_says() -> None:
    rows = re.findall(r"^\| `(andon_\w+)` \| (.*?) \|", section("What is counted"), re.MULTILINE)
    assert len(rows) == 5
    for name, labels in rows:
        assert tuple(re.findall(r"`(\w+)`", labels)) == CATALOGUE[name].labels
