"""Topic patterns: which topics they fit, and what their named levels stood for. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMED = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def placeholders(text: str) -> list[str]:
    """Return the names in braces."""
    return _NAMED.findall(text)


def check_pattern(pattern: str) -> str:
    """Return *pattern* if topics can fit it.

    Raises:
        ValueError: says which level is wrong.
    """
    names = placeholders(pattern)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{{{name}}} is in {pattern!r} twice (give each level its own name)")
    levels = pattern.split("/")
    for position, level in enumerate(levels, start=1):
        if level == "#" and position != len(levels):
            raise ValueError(f"'#' must be the last level of {pattern!r}")
        if level not in ("+", "#") and any(each in _NAMED.sub("", level) for each in "+#{}"):
            raise ValueError(
                f"level {level!r} of {pattern!r} is neither plain text, '+', '#', nor a name in braces such as {{line}}"
            )
        if _NAMED.search(level) and not _NAMED.fullmatch(level):
            raise ValueError(f"level {level!r} of {pattern!r} mixes a name with text (a name stands for a whole level)")
    return pattern


def topic_filter(pattern: str) -> str:
    """Return the MQTT topic filter of a pattern."""
    return _NAMED.sub("+", pattern)


def covers(wide: str, narrow: str) -> bool:
    """Return whether each topic that fits the filter *narrow* fits *wide*, too."""
    for place, level in enumerate(levels := narrow.split("/")):
        mine = wide.split("/")[place : place + 1]
        if mine == ["#"]:
            return True
        if not mine or level == "#" or mine[0] not in ("+", level):
            return False
    return len(wide.split("/")) == len(levels) or wide == f"{narrow}/#"


def overlap(one: str, other: str) -> bool:
    """Return whether a topic can fit both filters."""
    mine, theirs = one.split("/"), other.split("/")
    for level, another in zip(mine, theirs, strict=False):
        if "#" in (level, another):
            return True
        if level != another and "+" not in (level, another):
            return False
    longer = max(mine, theirs, key=len)[min(len(mine), len(theirs)) :]
    return longer in ([], ["#"])


def widest(filters: Mapping[str, int]) -> dict[str, int]:
    """Return filters (to their QoS) without those that others cover; these take over the higher QoS.

    A broker delivers a message once for each filter that it fits: what overlaps would come twice.
    """
    kept = {
        name: qos for name, qos in filters.items() if not any(covers(each, name) for each in filters if each != name)
    }
    return {name: max(qos, *(filters[each] for each in filters if covers(name, each))) for name, qos in kept.items()}


class Pattern:
    """A pattern, ready to be compared.

    Args:
        pattern: as `check_pattern` allows.
    """

    def __init__(self, pattern: str) -> None:
        parts = [_expression(level) for level in pattern.split("/")]
        many = parts[-1] == ".*" and len(parts) > 1
        expression = "/".join(parts[:-1]) + "(?:/.*)?" if many else "/".join(parts)
        self._expression = re.compile(expression)

    def match(self, topic: str) -> Mapping[str, str] | None:
        """Return what the named levels stand for; None when the topic does not fit."""
        found = self._expression.fullmatch(topic)
        return None if found is None else found.groupdict()


def fill(template: str, names: Mapping[str, str]) -> str:
    """Return *template* with names in braces replaced."""
    return _NAMED.sub(lambda found: names[found[1]], template)


def _expression(level: str) -> str:
    if level == "#":
        return ".*"
    if level == "+":
        return "[^/]*"
    named = _NAMED.fullmatch(level)
    return f"(?P<{named[1]}>[^/]+)" if named else re.escape(level)
