"""What a plant model says twice, and must say alike: names that one place defines and another one uses.

These functions read plain data, as it stands in a file, and step over parts of the wrong shape. So they find
names that lead nowhere even where other findings keep the model from being built, and all are shown at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from andon.plant.feature_references import feature_problems
from andon.plant.plain import NUMERIC, Problem, listed, mapping, named, repeated, suggestion
from andon.uns.places import SITE, places_of


def class_problems(asset_class: object) -> Iterator[Problem]:
    """Yield what is wrong with names inside one asset class: features, relations and messages name its tags."""
    tags = mapping(mapping(asset_class).get("tags"))
    yield from feature_problems(mapping(mapping(asset_class).get("features")), tags)
    yield from _consistency_problems(listed(mapping(asset_class).get("consistency")), tags)
    yield from _levels(mapping(asset_class), tags)
    used = (*_message_tags(mapping(asset_class)), *_production_tags(mapping(asset_class)))
    for where, tag in used:
        if tag not in tags:
            yield Problem(where, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")


def _message_tags(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield place and name of each tag that a message is for."""
    for index, tag in named([mapping(message).get("tag") for message in listed(asset_class.get("messages"))]):
        yield ("messages", index, "tag"), tag


def _production_tags(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield place and name of each tag that machine states and quantities are made of."""
    for place, when in _conditions(asset_class):
        for tag in when:
            yield (*place, tag), tag
    production = mapping(asset_class.get("production"))
    for name in ("produced", "scrap"):
        counted = mapping(production.get(name)).get("tag")
        if isinstance(counted, str):
            yield ("production", name, "tag"), counted


def _levels(asset_class: Mapping[str, Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield conditions that no sample of their tag can fulfil, because they are for another kind of tag."""
    for place, when in _conditions(asset_class):
        for name in when:
            known, equal = mapping(tags.get(name)), mapping(when[name]).get("equal")
            kind = str(known.get("kind", "number"))
            states = listed(known.get("states"))
            if kind == "state" and equal is not None and equal not in states:
                yield Problem(
                    (*place, name, "equal"), f"{equal!r} is no state of {name} ({suggestion(str(equal), states)})"
                )
            elif kind == "waveform" or (kind != "state" and isinstance(equal, str)):
                yield Problem(
                    (*place, name), f"{name} is of kind {kind}, which such a condition is not for (remove it)"
                )


def _conditions(asset_class: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for index, rule in enumerate(listed(asset_class.get("machine_states"))):
        yield ("machine_states", index, "when"), mapping(mapping(rule).get("when"))
    yield ("production", "good_when"), mapping(mapping(asset_class.get("production")).get("good_when"))


def plant_problems(plant: object) -> Iterator[Problem]:
    """Yield what is wrong with names inside a whole plant model, its classes included."""
    classes = mapping(mapping(plant).get("classes"))
    for name, asset_class in classes.items():
        for problem in class_problems(asset_class):
            yield Problem(("classes", name, *problem.place), problem.text)
    for path, asset in mapping(mapping(plant).get("assets")).items():
        yield from _unknown_class(("assets", path, "class"), asset, classes)
    places = places_of(map(str, mapping(mapping(plant).get("assets")))) - {SITE}
    for index, name in named([mapping(shift).get("place") for shift in listed(mapping(plant).get("shifts"))]):
        if fault := place_fault(name, places):
            yield Problem(("shifts", index, "place"), fault)
    cases = listed(mapping(plant).get("use_cases"))
    for index, case in enumerate(cases):
        yield from _unknown_class(("use_cases", index, "asset_class"), case, classes)
    for problem in repeated(("use_cases",), [mapping(case).get("name") for case in cases]):
        yield Problem((*problem.place, "name"), problem.text)
    yield from _route_problems(listed(mapping(plant).get("routes")), classes, places, cases)


def _route_problems(
    routes: list[Any], classes: Mapping[str, Any], places: Collection[str], cases: list[Any]
) -> Iterator[Problem]:
    """Yield routes that no alert can ever fit, because they name what is not there."""
    used = {
        "use_case": ("use case", [str(mapping(case).get("name")) for case in cases]),
        "owner": ("owner of a use case", [str(mapping(case).get("owner")) for case in cases]),
    }
    for index, route in enumerate(map(mapping, routes)):
        yield from _unknown_class(("routes", index, "asset_class"), route, classes)
        place = route.get("place")
        if isinstance(place, str) and (fault := place_fault(place, places)):
            yield Problem(("routes", index, "place"), fault)
        for field, (what, known) in used.items():
            name = route.get(field)
            if isinstance(name, str) and name not in known:
                yield Problem(("routes", index, field), f"{name!r} is no {what} ({suggestion(name, known)})")
        for name in ("to", "states"):
            yield from repeated(("routes", index, name), route.get(name))


def place_fault(place: str, places: Collection[str]) -> str | None:
    """Return why a text is none of the plant's places, and what to do; None when it is one."""
    if place in places:
        return None
    return f"no asset is at {place!r} or below it ({suggestion(place, sorted(set(places) - {SITE}))})"


def _consistency_problems(relations: list[Any], tags: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the tags that relations name: only numbers of one unit compare."""
    for index, relation in enumerate(map(mapping, relations)):
        compared = [*_tags_at(relation, "low", "high", "sum", "equals", "ratio")]
        for field, tag in (*compared, *_tags_at(relation, "marks")):
            place = ("consistency", index, *field)
            kind = mapping(tags.get(tag)).get("kind", "number")
            if tag not in tags:
                yield Problem(place, f"{tag!r} is no tag of the class ({suggestion(tag, tags)})")
            elif kind not in NUMERIC and field[0] != "marks":
                yield Problem(place, f"{tag!r} is of kind {kind}, only numbers and integers compare (remove it)")
        yield from _unlike_units(("consistency", index), [tag for field, tag in compared if field[0] != "ratio"], tags)
    for problem in repeated(("consistency",), [mapping(relation).get("name") for relation in relations]):
        yield Problem((*problem.place, "name"), problem.text)


def _tags_at(relation: Mapping[Any, Any], *fields: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the tags that *fields* name, one or a list of them, each with its place."""
    for field in fields:
        value = relation.get(field)
        if isinstance(value, str):
            yield (field,), value
        else:
            yield from (((field, index), tag) for index, tag in named(value))


def _unlike_units(place: tuple[str | int, ...], names: list[str], tags: Mapping[str, Any]) -> Iterator[Problem]:
    units = {name: str(unit) for name in names if (unit := mapping(tags.get(name)).get("unit")) is not None}
    if len(set(units.values())) > 1:
        listed = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        yield Problem(place, f"compares different units: {listed} (give all the same `unit`)")


def _unknown_class(place: tuple[str | int, ...], holder: object, classes: Mapping[str, Any]) -> Iterator[Problem]:
    name = mapping(holder).get(place[-1])
    if isinstance(name, str) and name not in classes:
        yield Problem(place, f"class {name!r} is not among `classes` ({suggestion(name, classes)})")
