"""What a plant model says twice, and must say alike: names that one place defines and another one uses.

These functions read plain data, as it stands in a file, and step over parts of the wrong shape. So they find
names that lead nowhere even where other findings keep the model from being built, and all are shown at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from andon.uns.places import SITE, places_of

_NUMERIC = ("number", "integer")
_SHOWN = 8


class Problem(NamedTuple):
    """Something wrong, and its place: keys and indices from the top of the data down."""

    place: tuple[str | int, ...]
    text: str


def class_problems(asset_class: object) -> Iterator[Problem]:
    """Yield what is wrong with names inside one asset class: features, relations and messages name its tags."""
    tags = _mapping(_mapping(asset_class).get("tags"))
    features = _mapping(_mapping(asset_class).get("features"))
    for index, tag in _named(features.get("tags")):
        place = ("features", "tags", index)
        kind = _mapping(tags.get(tag)).get("kind", "number")
        if tag not in tags:
            yield Problem(place, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")
        elif kind not in _NUMERIC:
            yield Problem(place, f"{tag!r} is of kind {kind}, only numbers and integers have features (remove it)")
    for name in ("tags", "aggregates"):
        yield from _repeated(("features", name), features.get(name))
    yield from _consistency_problems(_list(_mapping(asset_class).get("consistency")), tags)
    yield from _levels(_mapping(asset_class), tags)
    used = (*_message_tags(_mapping(asset_class)), *_production_tags(_mapping(asset_class)))
    for where, tag in used:
        if tag not in tags:
            yield Problem(where, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")


def _message_tags(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield place and name of each tag that a message is for."""
    for index, tag in _named([_mapping(message).get("tag") for message in _list(asset_class.get("messages"))]):
        yield ("messages", index, "tag"), tag


def _production_tags(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield place and name of each tag that machine states and quantities are made of."""
    for place, when in _conditions(asset_class):
        for tag in when:
            yield (*place, tag), tag
    production = _mapping(asset_class.get("production"))
    for name in ("produced", "scrap"):
        counted = _mapping(production.get(name)).get("tag")
        if isinstance(counted, str):
            yield ("production", name, "tag"), counted


def _levels(asset_class: Mapping[str, Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield conditions that no sample of their tag can fulfil, because they are for another kind of tag."""
    for place, when in _conditions(asset_class):
        for name in when:
            known, equal = _mapping(tags.get(name)), _mapping(when[name]).get("equal")
            kind = str(known.get("kind", "number"))
            states = _list(known.get("states"))
            if kind == "state" and equal is not None and equal not in states:
                yield Problem(
                    (*place, name, "equal"), f"{equal!r} is no state of {name} ({suggestion(str(equal), states)})"
                )
            elif kind == "waveform" or (kind != "state" and isinstance(equal, str)):
                yield Problem(
                    (*place, name), f"{name} is of kind {kind}, which such a condition is not for (remove it)"
                )


def _conditions(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for index, rule in enumerate(_list(asset_class.get("machine_states"))):
        yield ("machine_states", index, "when"), _mapping(_mapping(rule).get("when"))
    yield ("production", "good_when"), _mapping(_mapping(asset_class.get("production")).get("good_when"))


def plant_problems(plant: object) -> Iterator[Problem]:
    """Yield what is wrong with names inside a whole plant model, its classes included."""
    classes = _mapping(_mapping(plant).get("classes"))
    for name, asset_class in classes.items():
        for problem in class_problems(asset_class):
            yield Problem(("classes", name, *problem.place), problem.text)
    for path, asset in _mapping(_mapping(plant).get("assets")).items():
        yield from _unknown_class(("assets", path, "class"), asset, classes)
    places = places_of(map(str, _mapping(_mapping(plant).get("assets")))) - {SITE}
    for index, name in _named([_mapping(shift).get("place") for shift in _list(_mapping(plant).get("shifts"))]):
        if fault := place_fault(name, places):
            yield Problem(("shifts", index, "place"), fault)
    cases = _list(_mapping(plant).get("use_cases"))
    for index, case in enumerate(cases):
        yield from _unknown_class(("use_cases", index, "asset_class"), case, classes)
    for problem in _repeated(("use_cases",), [_mapping(case).get("name") for case in cases]):
        yield Problem((*problem.place, "name"), problem.text)
    yield from _route_problems(_list(_mapping(plant).get("routes")), classes, places, cases)


def _route_problems(
    routes: list[Any], classes: Mapping[str, Any], places: Collection[str], cases: list[Any]
) -> Iterator[Problem]:
    """Yield routes that no alert can ever fit, because they name what is not there."""
    used = {
        "use_case": ("use case", [str(_mapping(case).get("name")) for case in cases]),
        "owner": ("owner of a use case", [str(_mapping(case).get("owner")) for case in cases]),
    }
    for index, route in enumerate(map(_mapping, routes)):
        yield from _unknown_class(("routes", index, "asset_class"), route, classes)
        place = route.get("place")
        if isinstance(place, str) and (fault := place_fault(place, places)):
            yield Problem(("routes", index, "place"), fault)
        for field, (what, known) in used.items():
            name = route.get(field)
            if isinstance(name, str) and name not in known:
                yield Problem(("routes", index, field), f"{name!r} is no {what} ({suggestion(name, known)})")
        for name in ("to", "states"):
            yield from _repeated(("routes", index, name), route.get(name))


def place_fault(place: str, places: Collection[str]) -> str | None:
    """Return why a text is none of the plant's places, and what to do; None when it is one."""
    if place in places:
        return None
    return f"no asset is at {place!r} or below it ({suggestion(place, sorted(set(places) - {SITE}))})"


def _consistency_problems(relations: list[Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the tags that relations name: only numbers of one unit compare."""
    for index, relation in enumerate(map(_mapping, relations)):
        compared = [*_tags_at(relation, "low", "high", "sum", "equals", "ratio")]
        for field, tag in (*compared, *_tags_at(relation, "marks")):
            place = ("consistency", index, *field)
            kind = _mapping(tags.get(tag)).get("kind", "number")
            if tag not in tags:
                yield Problem(place, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")
            elif kind not in _NUMERIC and field[0] != "marks":
                yield Problem(place, f"{tag!r} is of kind {kind}, only numbers and integers compare (remove it)")
        yield from _unlike_units(("consistency", index), [tag for field, tag in compared if field[0] != "ratio"], tags)
    for problem in _repeated(("consistency",), [_mapping(relation).get("name") for relation in relations]):
        yield Problem((*problem.place, "name"), problem.text)


def _tags_at(relation: Mapping[Any, Any], *fields: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the tags that *fields* name, one or a list of them, each with its place."""
    for field in fields:
        value = relation.get(field)
        if isinstance(value, str):
            yield (field,), value
        else:
            yield from (((field, index), tag) for index, tag in _named(value))


def _unlike_units(place: tuple[str | int, ...], names: list[str], tags: Mapping[str, Any]) -> Iterator[Problem]:
    units = {name: str(unit) for name in names if (unit := _mapping(tags.get(name)).get("unit")) is not None}
    if len(set(units.values())) > 1:
        listed = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        yield Problem(place, f"compares different units: {listed} (give all the same `unit`)")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what to do about an unknown name: the known one that looks most like it, or which are known."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"known are {', '.join(names[:_SHOWN])}{more}" if names else "none is known"


def _unknown_class(place: tuple[str | int, ...], holder: object, classes: Mapping[str, Any]) -> Iterator[Problem]:
    name = _mapping(holder).get(place[-1])
    if isinstance(name, str) and name not in classes:
        yield Problem(place, f"class {name!r} is not among `classes` ({suggestion(name, classes)})")


def _repeated(place: tuple[str | int, ...], names: object) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in _named(names):
        if name in seen:
            yield Problem((*place, index), f"{name!r} is there twice (remove one)")
        seen.add(name)


def _named(names: object) -> Iterator[tuple[int, str]]:
    return ((index, str(name)) for index, name in enumerate(_list(names)) if isinstance(name, str))


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
