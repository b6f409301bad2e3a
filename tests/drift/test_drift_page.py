"""docs/drift.md names every cause, code and state that a report may hold."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from services.drift.abstention import Abstention
from services.drift.cause import Cause
from services.drift.telling import STATES
from services.drift.words import REMEDIES

PAGE = (Path(__file__).parents[2] / "docs" / "drift.md").read_text()


def test_the_page_names_all_that_a_report_may_hold() -> None:
    said = {*get_args(Cause), *STATES, *(code.value for code in Abstention)} - {"none"}
    assert [each for each in sorted(said) if f"`{each}`" not in PAGE] == []


def test_there_is_a_remedy_for_every_reason() -> None:
    assert set(REMEDIES) == {code.value for code in Abstention}
