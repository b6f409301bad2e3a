"""Dead letters as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson
from rich import box
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat
from andon.contracts import DeadLetter, DeadLetterReason
from andon.stream.deadletters import original_headers, original_key, original_value
from andon.stream.letters import asset_of, source_of


def letters_table(letters: Iterable[DeadLetter]) -> Table:
    """Return one row for each letter."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("when (UTC)", "service", "reason", "asset", "source", "detail"):
        table.add_column(name, overflow="fold")
    for letter in letters:
        cells = (isoformat(letter.time)[:19], letter.service, letter.reason, asset_of(letter), source_of(letter))
        table.add_row(*(Text(printable(cell)) for cell in (*cells, letter.detail)))
    return table


def reasons_line(reasons: Mapping[DeadLetterReason, int]) -> str:
    """Return how many letters there are, and of which reasons, the most frequent first."""
    counts = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1]))
    total = sum(reasons.values())
    return f"{total} dead letter{'s' * (total != 1)}: {counts}" if counts else "no dead letters"


def letter_text(letter: DeadLetter) -> str:
    """Return everything about a letter, its original last."""
    fields = {
        "id": letter.id,
        "when": isoformat(letter.time),
        "service": letter.service,
        "reason": letter.reason,
        "detail": letter.detail,
        "source": source_of(letter),
        "key": _text_or_hex(original_key(letter)) if letter.key is not None else "none",
        **{f"header {name}": _text_or_hex(value or b"") for name, value in original_headers(letter)},
    }
    lines = [printable(f"{name:<8} {value}") for name, value in fields.items()]
    return "\n".join([*lines, "", original_text(original_value(letter))])


def original_text(value: bytes | None) -> str:
    """Return original bytes as text when they are JSON in UTF-8, else in hexadecimal."""
    if value is None:
        return "(not copied: a tombstone, or too large; read it at its source)"
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.hex(" ")
    return "\n".join(printable(line) for line in value.decode().split("\n"))


def printable(text: str) -> str:
    """Return *text* with all that could steer a terminal written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _text_or_hex(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex(" ")
