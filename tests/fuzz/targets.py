"""The table of all fuzz targets."""

from __future__ import annotations

from tests.fuzz import bus, files, machines, models, servers, stores
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for module in (bus, machines, stores, files, models, servers) for target in module.TARGETS
}
