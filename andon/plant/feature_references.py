"""Tags that features name: they must be there, and of a kind that the features can be computed of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from andon.features.kinds import KINDS, Kind, Spectral
from andon.plant.plain import NUMERIC, Problem, listed, mapping, named, repeated, suggestion

_WAVEFORM = "waveform"


def feature_problems(features: Mapping[str, Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with names in a class's feature definition, in places from the class down.

    Args:
        features: the definition, as plain data.
        tags: the class's tags, as plain data.
    """
    for index, tag in named(features.get("tags")):
        if tag not in tags:
            yield _unknown(("features", "tags", index), tag, tags)
        elif (kind := _kind(tags, tag)) not in NUMERIC:
            text = f"{tag!r} is of kind {kind}, only numbers and integers have features (remove it)"
            yield Problem(("features", "tags", index), text)
    for name in ("tags", "aggregates"):
        yield from repeated(("features", name), features.get(name))
    yield from _kind_problems(mapping(features.get("extra")), tags)


def _kind_problems(extra: Mapping[str, Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    if extra and not any(_kind(tags, tag) in NUMERIC for tag in tags):
        text = "needs a number or integer tag in the class, whose samples say how far a window can be trusted (add one)"
        yield Problem(("features", "extra"), text)
    for name, entries in extra.items():
        for index, entry in enumerate(map(mapping, listed(entries))):
            if name in KINDS:
                yield from _extra_problems(("features", "extra", name, index), KINDS[name], entry, tags)


def _extra_problems(
    place: tuple[str | int, ...], kind: type[Kind], entry: Mapping[str, Any], tags: Mapping[str, Any]
) -> Iterator[Problem]:
    for index, tag in named(entry.get("tags")):
        where = (*place, "tags", index)
        if tag not in tags:
            yield _unknown(where, tag, tags)
        elif _kind(tags, tag) not in kind.takes:
            taken = ", ".join(sorted(kind.takes))
            yield Problem(where, f"{tag!r} is of kind {_kind(tags, tag)}, {place[2]} is for {taken} (remove it)")
        elif issubclass(kind, Spectral):
            yield from _rate_problems(where, tag, _kind(tags, tag), entry.get("rate_hz"))
        else:
            yield from _state_problems(place, entry, listed(mapping(tags[tag]).get("states")))


def _rate_problems(where: tuple[str | int, ...], tag: str, kind: str, rate: object) -> Iterator[Problem]:
    if kind == _WAVEFORM and rate is not None:
        yield Problem(where, f"{tag!r} is a waveform, which says its rate itself (remove `rate_hz`, or the tag)")
    elif kind != _WAVEFORM and rate is None:
        yield Problem(where, f"{tag!r} is of kind {kind}, whose spectrum needs `rate_hz` (add its samples per second)")


def _state_problems(place: tuple[str | int, ...], entry: Mapping[str, Any], states: list[Any]) -> Iterator[Problem]:
    for index, state in named(entry.get("states")):
        known = states or ["true", "false"]
        if state not in known:
            yield Problem((*place, "states", index), f"{state!r} is no state of its tags ({suggestion(state, known)})")


def _kind(tags: Mapping[str, Any], tag: str) -> str:
    return str(mapping(tags[tag]).get("kind", "number"))


def _unknown(place: tuple[str | int, ...], tag: str, tags: Mapping[str, Any]) -> Problem:
    return Problem(place, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")
