"""Places that an event can be about: assets, the levels above them, and the whole site. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from andon.plant.references import suggestion

#: The whole site.
SITE = ""


def places_of(assets: Iterable[str]) -> frozenset[str]:
    """Return every place of a plant that has these assets."""
    paths = (asset.split("/") for asset in assets)
    return frozenset((SITE, *("/".join(path[:depth]) for path in paths for depth in range(1, len(path) + 1))))


def place_fault(place: str, places: frozenset[str]) -> str | None:
    """Return why a text is no place of the plant, and what to do; None when it is one."""
    if place in places:
        return None
    return f"no asset is at {place!r} or below it ({suggestion(place, sorted(places - {SITE}))})"
