"""The table of all fuzz targets."""

from __future__ import annotations

from tests.fuzz import bus, files, machines, models, registry, servers, stores
from tests.fuzz.target import Target

_MODULES = (bus, machines, stores, files, models, servers, registry)
TARGETS: dict[str, Target] = {target.name: target for module in _MODULES for target in module.TARGETS}
