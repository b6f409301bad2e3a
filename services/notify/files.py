"""sinks.yaml -> the sinks, and the routes of plant.yaml that lead to them, or every finding at once with its line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from andon.errors import ConfigError, PlantError
from andon.plant import Plant
from andon.plant.document import load_document
from andon.plant.plain import Problem, suggestion
from andon.plant.source import read_file
from services.notify.config import Sinks


class SinksError(ConfigError):
    """The sinks file is not valid; the message lists every finding, one a line."""


def load_sinks(path: Path) -> Sinks:
    """Read and check a sinks file; paths of secrets in it are taken relative to its folder.

    Raises:
        SinksError: lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
    """
    return load_document(path, Sinks, hint="set ANDON_NOTIFY__SINKS", refuse=SinksError)


def check_routes(file: Path, plant: Plant, sinks: Collection[str]) -> None:
    """Check that there is each sink that a route names.

    Args:
        file: the plant model's, for the lines of findings.
        plant: the plant model.
        sinks: names of all sinks.

    Raises:
        PlantError: lists every route to a sink that is not there.
    """
    problems = [
        Problem(("routes", index, "to", number), f"there is no sink {name!r} ({suggestion(name, sinks)})")
        for index, route in enumerate(plant.routes)
        for number, name in enumerate(route.to)
        if name not in sinks
    ]
    if problems:
        raise PlantError("\n".join(read_file(file, PlantError, "set ANDON_PLANT").findings(file, problems)))
