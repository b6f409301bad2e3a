"""YAML text -> plain data that knows on which line each of its parts stands.

Texts without quotes are read by YAML 1.2's core schema: only `true` and `false` are booleans (so `on`, `off`, `yes`
and `no` are texts), `1e3` is a number, and `12:30` is a text, not the 750 that YAML 1.1 makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from andon.errors import ConfigError
from andon.plant.plain import Problem

#: Larger files are refused: a site of 100,000 machines takes about half of it.
MAX_BYTES = 8 * 2**20
#: Aliases can make a small file huge; this many values are more than `MAX_BYTES` can hold without them.
_MAX_VALUES = 2_000_000

_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"|~|null|Null|NULL"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,18}"), int),
    (re.compile(r"0o[0-7]{1,20}"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,16}"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
)
_MERGE = "<<"
_STANDARD_TAG = re.compile(r"tag:yaml\.org,2002:(str|seq|map)")


class SourceError(Exception):
    """The text is no YAML document that can be read.

    Attributes:
        line: where, counted from 1.
    """

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML document.

    Attributes:
        data: dictionaries, lists, texts, numbers, booleans and None. Of keys that are there twice the first holds.
        problems: what YAML itself would let pass: line and problem.
    """

    data: Any
    problems: list[tuple[int, Problem]]
    _root: yaml.Node

    def line(self, place: tuple[str | int, ...]) -> int:
        """Return the line, counted from 1, of a part of the data; of what would hold it when there is no such part."""
        node, mark = self._root, self._root.start_mark
        for step in place:
            found = next((entry for entry in _entries(node) if entry[0] == step), None)
            if found is None:
                break
            _, mark, node = found
        return int(mark.line) + 1

    def findings(self, path: Path, problems: Iterable[Problem]) -> list[str]:
        """Return problems as ``FILE:LINE: path.to.field: what is wrong``, each once, in the file's order."""
        found = {(self.line(each.place), ".".join(map(str, each.place)) or "file", each.text) for each in problems}
        return [f"{path}:{line}: {where}: {what}" for line, where, what in sorted(found)]


def read_file(path: Path, refuse: type[ConfigError], hint: str) -> Source:
    """Read a file that holds one YAML document.

    Args:
        path: the file.
        refuse: the error to raise.
        hint: what to do about a file that cannot be read.

    Raises:
        ConfigError: of type *refuse*; says what YAML itself finds, and where.
    """
    try:
        source = read_source(path.read_bytes())
    except OSError as error:
        raise refuse(f"{path}: cannot be read: {error.strerror} ({hint})") from None
    except SourceError as error:
        raise refuse(f"{path}:{error.line}: {error}") from None
    if source.problems:
        raise refuse("\n".join(f"{path}:{line}: {problem.text}" for line, problem in source.problems))
    return source


def read_source(content: bytes) -> Source:
    """Read one YAML document.

    Raises:
        SourceError: it is no text, no YAML, empty, or too large.
    """
    if len(content) > MAX_BYTES:
        raise SourceError(f"has {len(content)} bytes, at most {MAX_BYTES} are read (move machines to another site)", 1)
    try:
        root = yaml.compose(_text(content), Loader=yaml.BaseLoader)
        if root is None:
            raise SourceError("is empty (write `enterprise`, `site`, `classes` and `assets`)", 1)
        reader = _Reader()
        return Source(reader.plain(root, ()), reader.problems, root)
    except yaml.MarkedYAMLError as error:
        raise _located(error) from None
    except RecursionError:
        raise SourceError("is nested too deeply (look for an alias that holds itself)", 1) from None


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError("is no UTF-8 text here (save the file as UTF-8)", line) from None
    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise SourceError(f"holds the control character {strange.group()!r} (remove it)", line)
    return text


def _located(error: yaml.MarkedYAMLError) -> SourceError:
    mark = error.problem_mark or error.context_mark
    parts = [part for part in (error.context, error.problem) if part]
    hint = "indent with spaces, not tabs" if "\\t" in str(error.problem) else "check indentation, colons and quotes"
    return SourceError(f"no YAML: {', '.join(parts)} ({hint})", mark.line + 1 if mark else 1)


def _entries(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Mark, yaml.Node]]:
    """Yield key or index, place and value of each part of a mapping or sequence."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, key.start_mark, value) for key, value in node.value if _is_text(key))
    elif isinstance(node, yaml.SequenceNode):
        yield from ((index, item.start_mark, item) for index, item in enumerate(node.value))


def _is_text(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode)


@dataclass(slots=True)
class _Reader:
    """Turns nodes into plain data and notes what is wrong with them."""

    problems: list[tuple[int, Problem]] = field(default_factory=list)
    values: int = 0

    def plain(self, node: yaml.Node, place: tuple[str | int, ...]) -> Any:
        self.values += 1
        if self.values > _MAX_VALUES:
            raise SourceError(f"holds more than {_MAX_VALUES} values (its aliases multiply)", 1)
        if not _STANDARD_TAG.fullmatch(node.tag):
            self._note(node, place, f"tag {node.tag!r} is not read (remove it)")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*place, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: tuple[str | int, ...]) -> dict[str, Any]:
        lines: dict[str, int] = {}
        data = {}
        for key, value in node.value:
            if not _is_text(key):
                self._note(key, place, "a key is a list or a mapping (write a text)")
            elif key.value == _MERGE and key.style is None:
                self._note(key, (*place, key.value), "merge keys are not read (write the fields out)")
            elif key.value in lines:
                text = f"is there twice, first in line {lines[key.value]} (remove one)"
                self._note(key, (*place, key.value), text)
            else:
                lines[key.value] = key.start_mark.line + 1
                data[key.value] = self.plain(value, (*place, key.value))
        return data

    def _note(self, node: yaml.Node, place: tuple[str | int, ...], text: str) -> None:
        self.problems.append((node.start_mark.line + 1, Problem(place, text)))


def _scalar(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode) and node.style is not None:  # in quotes, or a block of text
        return node.value
    for pattern, convert in _PLAIN:
        if pattern.fullmatch(node.value):
            return convert(node.value)
    return node.value
