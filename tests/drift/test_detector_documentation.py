"""The page about detectors of drift names all of them, and its example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import services.drift.detectors as detectors

PAGE = (Path(__file__).parents[2] / "docs" / "drift-detectors.md").read_text()
PUBLIC = re.compile(r"^(?:class (\w+)\((?:Array|Joint|Grid)?Detector\):|def (\w+_detector)\()", re.MULTILINE)
ABSTRACT = {"ArrayDetector", "GridDetector", "JointDetector"}


def test_every_detector_has_its_line() -> None:
    sources = [file.read_text() for file in Path(detectors.__path__[0]).glob("*.py")]
    found = {one or other for source in sources for one, other in PUBLIC.findall(source)} - ABSTRACT
    assert len(found) > 10
    assert {name for name in found if f"`{name}`" not in PAGE} == set()


def test_the_example_says_what_it_promises(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example
    exec(example.group(1), {})
    small, large, missing = (float(number) for number in capsys.readouterr().out.strip("[] \n").split())
    assert small < 0.1 < 0.25 < large
    assert missing != missing
