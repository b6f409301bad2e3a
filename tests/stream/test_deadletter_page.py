"""The page about dead letters says what the code says."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from pathlib import Path

from andon.contracts import CATALOGUE, DeadLetterReason
from andon.contracts import deadletter as source
from andon.uns import Stage

PAGE = (Path(__file__).parents[2] / "docs" / "deadletters.md").read_text()


def meanings() -> dict[str, str]:
    """Reason code to the docstring behind its definition."""
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(source)).body
        if isinstance(node, ast.ClassDef) and node.name == "DeadLetterReason"
    )
    return {
        str(ast.literal_eval(code.value)): " ".join(str(ast.literal_eval(text.value)).split())
        for code, text in itertools.pairwise(body)
        if isinstance(code, ast.Assign) and isinstance(text, ast.Expr)
    }


def test_the_table_holds_every_reason_with_its_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert {code: meaning for code, meaning, _ in rows} == meanings()
    assert [code for code, *_ in rows] == list(DeadLetterReason)


def test_letters_are_kept_as_long_as_the_page_says() -> None:
    seconds = CATALOGUE[Stage.DEADLETTER].retention_s
    assert seconds
    assert f"{seconds // 86_400} days" in " ".join(PAGE.split())
