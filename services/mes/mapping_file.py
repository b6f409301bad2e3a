"""mes.yaml -> the mapping, or every finding at once with its line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.document import load_document
from andon.plant.plain import Problem
from andon.plant.source import read_file
from andon.uns.places import places_of
from services.mes.mapping import Mapping

_HINT = "set ANDON_MES__FILE"


class MappingError(ConfigError):
    """The mapping file is not valid; the message lists every finding, one a line."""


def load_mapping(path: Path, plant: Plant) -> Mapping:
    """Read and check a mapping file; paths of secrets in it are taken relative to its folder.

    Args:
        path: the file.
        plant: has the places that rows are mapped to.

    Raises:
        MappingError: lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
    """
    context = {"places": places_of(plant.assets)}
    return load_document(path, Mapping, hint=_HINT, context=context, refuse=MappingError)


def findings(path: Path, problems: Iterable[Problem]) -> list[str]:
    """Return problems with a mapping file as ``FILE:LINE: path.to.field: what is wrong``, in the file's order.

    Raises:
        MappingError: the file cannot be read any more.
    """
    return read_file(path, MappingError, _HINT).findings(path, problems)
