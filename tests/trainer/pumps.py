"""The small plant that trainers are tried on: pumps with two tags, in windows of 10 s that begin every 5 s."""

from __future__ import annotations

from typing import Any

FEATURES = {"window": "10s", "hop": "5s", "aggregates": ["mean", "std"]}
PUMP = {"scan": "1s", "tags": {"flow": {}, "pressure": {}}, "features": FEATURES}


def plant_of_pumps(*assets: str, site: str = "north", **pump: Any) -> dict[str, Any]:
    """Return a plant model of these machines, as it is read from a file; *pump* is what else its class says."""
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {"pump": PUMP | pump},
        "assets": {asset: {"class": "pump"} for asset in assets},
    }
