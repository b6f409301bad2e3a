"""The plant of the fuzz targets: a pump with a tag of every kind, to which the contracts' examples fit."""

from __future__ import annotations

from typing import Any

from andon.plant import Plant

ASSET = "water/line-1/station-1/pump-3"
CLASS = "centrifugal-pump"
CONTENT: dict[str, Any] = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        CLASS: {
            "tags": {
                "flow": {"unit": "L/s", "limits": {"low": 5, "high": 60}},
                "vibration": {"unit": "mm/s"},
                "bearing_temperature": {"unit": "degC"},
                "power": {},
                "pressure": {},
                "starts": {"kind": "integer"},
                "running": {"kind": "boolean"},
                "mode": {"kind": "state", "states": ["auto", "hand"]},
                "acceleration": {"kind": "waveform"},
            },
            "features": {"window": "10s", "aggregates": ["mean", "std", "min", "max", "rms"]},
        }
    },
    "assets": {ASSET: {"class": CLASS}, "water/line-1": {"class": CLASS}},
}
PLANT = Plant.model_validate(CONTENT)
