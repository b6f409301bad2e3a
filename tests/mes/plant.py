"""The plant of the MES tests."""

from __future__ import annotations

from typing import Any

from andon.plant import Plant

PUMP = "water/line-1/station-1/pump-1"
LINE = "water/line-1"


def content(site: str) -> dict[str, Any]:
    """A plant model as it stands in a file."""
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {"pump": {"tags": {"flow": {}}}},
        "assets": {PUMP: {"class": "pump"}, "water/line-2/pump-1": {"class": "pump"}},
    }


def plant(site: str = "riverside") -> Plant:
    """Two pumps on two lines."""
    return Plant.model_validate(content(site))
