"""Which assignment of the registry is served as what, and how that is remembered over a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from andon.errors import ConfigError
from andon.registry.alias import alias_name
from andon.registry.v1 import registry_pb2 as pb
from andon.serving.lineup import Canary, Lineup
from andon.serving.trusted import Known, Trusted

#: Aliases of models that judge; of one version under two aliases the first counts.
SERVED = ("production", "canary", "shadow")
_WHOLE = 1_000


@dataclass(frozen=True, slots=True)
class Assigned:
    """A verified model and the assignment that put it there."""

    assignment: pb.Assignment
    trusted: Trusted
    folder: Path


Models = Mapping[str, Assigned]
"""Alias to the model that has it."""


def lineup(models: Models) -> Lineup:
    """Return the models that speak; one that has two aliases is heard once, under the first."""
    heard: set[str] = set()
    chosen: dict[str, Assigned] = {}
    for alias in SERVED:
        model = models.get(alias)
        if model and model.trusted.bundle.manifest.version not in heard:
            heard.add(model.trusted.bundle.manifest.version)
            chosen[alias] = model
    production, canary, shadow = (chosen.get(alias) for alias in SERVED)
    return Lineup(
        production.trusted.bundle if production else None,
        (shadow.trusted.bundle,) if shadow else (),
        Canary(canary.trusted.bundle, canary.assignment.share_permille / _WHOLE) if canary else None,
    )


class Memory:
    """What served last under one model's name, beside the bundles: a restart without the registry serves the same.

    Args:
        folder: of the bundles.
        name: the model's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._served, self._known = folder / f"{name}.served", folder / f"{name}.known.json"

    def assignments(self) -> list[pb.Assignment]:
        """Return the assignments that were served last; none when there is no memory, or it is damaged."""
        try:
            return list(pb.WatchResponse.FromString(self._served.read_bytes()).assignments)
        except (FileNotFoundError, DecodeError):
            return []

    def known(self) -> dict[str, Known]:
        """Return by alias what acted last; empty when nothing ever did.

        Raises:
            ConfigError: the memory is damaged, so it cannot be told whether an approval is old.
        """
        try:
            document = json.loads(self._known.read_text(encoding="utf-8"))
            return {alias: Known(**fields) for alias, fields in document.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{self._known} is damaged ({error}), so old approvals cannot be told from new ones: make sure that "
                "the registry names the right model, then remove the file"
            ) from None

    def keep(self, models: Models, known: Mapping[str, Known]) -> None:
        """Remember; what is known goes first, so that a crash between the two never allows more."""
        _write(self._known, json.dumps({alias: asdict(each) for alias, each in known.items()}).encode())
        assignments = [model.assignment for model in models.values()]
        _write(self._served, pb.WatchResponse(name=self._name, assignments=assignments).SerializeToString())


def served(assignments: list[pb.Assignment], aliases: Collection[str] = SERVED) -> dict[str, pb.Assignment]:
    """Return by alias those assignments that are wanted."""
    named = {alias_name(assignment.alias): assignment for assignment in assignments}
    return {alias: named[alias] for alias in SERVED if alias in named and alias in aliases}


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
