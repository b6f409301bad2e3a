"""From names at a server to names in the plant model, and patterns of paths."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.uns.names import MAX_KEY_SEGMENTS
from services.ingest.opcua.address import QualifiedName
from services.ingest.opcua.walk import Place

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_WILDCARD = re.compile(r"(\*\*/|\*\*|\*)")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "(?:&.|[^/&])*"}


def plain(name: str) -> str:
    """Return a browse name as a segment of a key: characters that it may not hold become ``-``."""
    return _NOT_IN_NAMES.sub("-", name).strip("-") or "-"


def machine_of(template: str, place: Place) -> str:
    """Return the asset's path that a template gives for an object; of {path} the last names, if there are too many."""
    names = [plain(each.name) for each in place.names()] or [plain(place.name)]
    path = "/".join(names[-MAX_KEY_SEGMENTS:])
    return template.format(name=plain(place.name), parent=plain(place.parent), path=path)


def tag_of(template: str, place: Place) -> str:
    """Return the tag that a template gives for a variable."""
    return template.format(name=plain(place.name), parent=plain(place.parent), path=dotted(place.names()))


def dotted(names: Sequence[QualifiedName]) -> str:
    """Return the tag that a variable at this path below its machine is by itself: the names with dots between."""
    return ".".join(plain(each.name) for each in names)


def written(names: Sequence[QualifiedName]) -> str:
    """Return names as a browse path without namespaces, as `parse_path` reads it."""
    return "/".join(each.name.replace("&", "&&").replace("/", "&/") for each in names)


def pattern(text: str) -> re.Pattern[str]:
    """Return what finds the paths (as `written`) that a pattern means: ``*`` in a name, ``**`` over names."""
    parts = _WILDCARD.split(text.removeprefix("/"))
    return re.compile("".join(_MEANING.get(part, re.escape(part)) for part in parts), re.DOTALL)
