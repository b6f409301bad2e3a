"""Tag lists: CSV files with a row for each variable."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from pydantic import ValidationError

from services.ingest.opcua.claims import Finding
from services.ingest.opcua.selection_config import ItemSettings, ListRule, NodeRule

_NEEDED = ("node", "asset", "tag")


def read_list(rule: ListRule) -> tuple[list[tuple[str, NodeRule]], list[Finding]]:
    """Read a tag list.

    Returns:
        For each good row its place, as ``FILE:LINE``, and its rule; and a finding for each row that is wrong. What a
        row leaves empty is as the list's rule says.
    """
    file = str(rule.file)
    try:
        text = rule.file.read_text(encoding="utf-8-sig")
    except OSError as error:
        return [], [Finding(file, f"cannot be read: {error.strerror} (check the path and its permissions)")]
    except UnicodeDecodeError:
        return [], [Finding(file, "is no UTF-8 text (save it as CSV UTF-8)")]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=rule.separator, skipinitialspace=True, strict=True)
    try:
        return _rows(file, rule, reader)
    except csv.Error as error:
        return [], [Finding(f"{file}:{reader.line_num}", f"is no CSV: {error}")]


def _rows(file: str, rule: ListRule, reader: csv.DictReader[str]) -> tuple[list[tuple[str, NodeRule]], list[Finding]]:
    known = (*_NEEDED, *ItemSettings.model_fields)
    headings = [heading.strip() for heading in reader.fieldnames or ()]
    reader.fieldnames = headings
    wrong = [f"column {name!r} is missing" for name in _NEEDED if name not in headings]
    wrong += [f"column {name!r} is not known (known are {', '.join(known)})" for name in headings if name not in known]
    if wrong:
        return [], [Finding(f"{file}:1", text) for text in wrong]
    rows, findings = [], []
    given = rule.model_dump(include=set(ItemSettings.model_fields), exclude_none=True)
    for row in reader:
        place = f"{file}:{reader.line_num}"
        filled = {name: value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()}
        if len(row) > len(headings):
            findings.append(Finding(place, "has more values than there are headings (put quotes round a value)"))
            continue
        if not filled:
            continue
        try:
            rows.append((place, NodeRule.model_validate(_own(given, filled) | filled)))
        except ValidationError as error:
            findings += [Finding(place, text) for text in _texts(error)]
    return rows, findings


def _own(given: dict[str, object], filled: dict[str, str]) -> dict[str, object]:
    """Return what the list says for all rows, without its deadband where a row has one of its own, of either kind."""
    own = any(name.startswith("deadband") for name in filled)
    return {name: value for name, value in given.items() if not (own and name.startswith("deadband"))}


def _texts(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        column = ".".join(map(str, each["loc"])) or "row"
        yield f"{column}: {each['msg'].removeprefix('Value error, ')}"
