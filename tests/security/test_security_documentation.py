"""Each control that docs/security.md claims is shown by a test that is there, and its links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "security.md", ROOT / "docs" / "images.md"]
TEXT = PAGES[0].read_text()
CLAIMS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
TABLES = {
    "Threats": "test",
    "IEC 62443-3-3": "test",
    "21 CFR Part 11": "test",
    "One shape of settings": "test",
}


@pytest.mark.parametrize("file", sorted({file for file, _ in CLAIMS}))
def test_every_test_that_is_named_is_there(file: str) -> None:
    named = {test for claimed, test in CLAIMS if claimed == file}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    there = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, functions)}
    assert named - there == set()


@pytest.mark.parametrize("title", TABLES)
def test_every_row_names_a_test_or_says_whose_it_is(title: str) -> None:
    section = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert rows
    assert [row for row in rows if not re.search(r"`tests/|by design \||left to the site \|", row)] == []


def test_every_conduit_is_in_the_diagram_and_has_threats() -> None:
    conduits = set(re.findall(r"^\| (C\d) \|", TEXT, re.MULTILINE))
    assert conduits == set(re.findall(r"C\d", TEXT.partition("```\n")[2].partition("```")[0]))
    assert conduits == set(re.findall(r"^\| (C\d) [STRIDE, ]+\|", TEXT, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
