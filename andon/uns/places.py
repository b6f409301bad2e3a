"""Places of the plant: assets, the ISA-95 levels above them, and the whole site."""

from __future__ import annotations

from collections.abc import Iterable

#: The whole site.
SITE = ""


def levels(asset: str) -> list[str]:
    """Return an asset's path, the levels above it, and the site: the nearest first."""
    parts = asset.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]


def places_of(assets: Iterable[str]) -> frozenset[str]:
    """Return every place of a plant that has these assets."""
    return frozenset((SITE, *(place for asset in assets for place in levels(asset))))
