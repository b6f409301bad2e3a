"""New inputs out of sound ones: changed bytes, and changed parts of JSON, which reach what is behind the syntax."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

#: Longer inputs find nothing that shorter ones do not.
MAX_BYTES = 16_384
_MAX_CHANGES = 4
#: What parsers stumble over: limits of numbers, broken text, other notations, deep nesting, aliases.
TOKENS: tuple[bytes, ...] = (
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\\ud800", b"\\u0000", b'"', b"\\"),
    *(b"-1", b"-0", b"1e305", b"1e400", b"NaN", b"-Infinity", b"1" * 400, b"9" * 5_000, b"9007199254740993"),
    *(b"18446744073709551616", b"\xd9\xa3", b"\xc2\xb2", b"0x1f", b"0b_", b"1_000", b"12:30:45", b"2026-02-30"),
    *(b"null", b"true", b"{}", b"[]", b"[" * 1_200, b'{"a":' * 300, b"&a [*a]", b"*a", b"<<: *a", b"!!python/name:os"),
    *(b"!!int ''", b"{", b"}", b"%", b"{0.__class__}", b"/", b"//", b"..", b"@", b"#", b"+", b"$", b":", b"%s"),
    *(b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"infinity", b"0044-03-15 BC", b"1ns", b"9" * 30),
)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**400, -(10**30), 0.5, -0.0, 1e305, 5e-324),
    *("", " ", "a", "0", "-1", "NaN", "\ud800", "\x00", "٣", "²", "x" * 300, "9" * 5_000, "{", "}", "{x}", "..", "/"),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30", "1h", "-1s", "1e400s", "UTC", "a/b"),
    *([], [None], [1, "a"], {}, {"": None}, {"a": {"a": {"a": 1}}}, {"x": [1.5]}, float("nan"), float("inf")),
)


def mutate(data: bytes, random: Random) -> bytes:
    """Return another input, a few changes away."""
    for _ in range(random.randint(1, _MAX_CHANGES)):
        data = random.choice(_CHANGES)(data, random)
    return data[:MAX_BYTES]


def _flip(data: bytes, random: Random) -> bytes:
    if not data:
        return b"\x00"
    at = random.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]


def _cut(data: bytes, random: Random) -> bytes:
    first, last = _stretch(data, random)
    return data[:first] + data[last:]


def _repeat(data: bytes, random: Random) -> bytes:
    first, last = _stretch(data, random)
    return data[:last] + data[first:last] * random.randint(1, 3) + data[last:]


def _insert(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(TOKENS) + data[at:]


def _replace(data: bytes, random: Random) -> bytes:
    first, last = _stretch(data, random)
    return data[:first] + random.choice(TOKENS) + data[last:]


def _change_json(data: bytes, random: Random) -> bytes:
    """Change one part of a JSON document, behind which other things may stand; of what is none, change bytes."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _replace(data, random)
    return json.dumps(_changed(document, random)).encode()


def _changed(part: Any, random: Random) -> Any:
    """Return the part with itself, or something below it, exchanged, removed, or there once more."""
    if not isinstance(part, dict | list) or not part or random.random() < 0.1:
        return random.choice(_ODD)
    entries: list[tuple[Any, Any]] = list(part.items() if isinstance(part, dict) else enumerate(part))
    place = random.randrange(len(entries))
    step, inner = entries[place]
    match random.randrange(8):
        case 0:
            del entries[place]
        case 1:
            entries.append((f"{step}x", inner))
        case 2:
            entries[place] = (random.choice([odd for odd in _ODD if isinstance(odd, str)]), inner)
        case _:
            entries[place] = (step, _changed(inner, random))
    return dict(entries) if isinstance(part, dict) else [value for _, value in entries]


def _stretch(data: bytes, random: Random) -> tuple[int, int]:
    first = random.randint(0, len(data))
    return first, random.randint(first, min(len(data), first + 64))


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _cut, _repeat, _insert, _replace, _change_json, _change_json, _change_json),
)
