"""Which distributions an extra of Andon brings: from pyproject.toml, and the metadata of what is installed here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Self

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from andon.errors import ConfigError

ANDON = "andon"


@dataclass(frozen=True, slots=True)
class Extras:
    """What pyproject.toml wants.

    Attributes:
        base: requirements of every installation.
        extras: name of an extra to its requirements.
    """

    base: tuple[Requirement, ...]
    extras: dict[str, tuple[Requirement, ...]]

    @classmethod
    def read(cls, pyproject: Path) -> Self:
        """Read the requirements of a project."""
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        optional = project["optional-dependencies"].items()
        return cls(_parsed(project["dependencies"]), {name: _parsed(lines) for name, lines in optional})

    def direct(self, extra: str) -> list[Requirement]:
        """Return what an extra names, itself or through the extras that it is made of."""
        found: list[Requirement] = []
        for requirement in self.extras[extra]:
            own = requirement.name == ANDON
            found += [each for inner in requirement.extras for each in self.direct(inner)] if own else [requirement]
        return found

    def closure(self, extra: str) -> dict[str, str]:
        """Return all distributions that an installation with one extra has, beside Andon, to their versions here.

        Raises:
            ConfigError: one of them is not installed here, so that what it needs cannot be known.
        """
        waiting = [*self.base, *self.direct(extra)]
        seen: set[tuple[str, str]] = set()
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            for wanted in ("", *requirement.extras):
                if (name, wanted) not in seen:
                    seen.add((name, wanted))
                    waiting += _needs(name, wanted)
        return {name: version(name) for name in sorted({name for name, _ in seen})}


def _parsed(lines: list[str]) -> tuple[Requirement, ...]:
    return tuple(map(Requirement, lines))


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    try:
        lines = requires(name) or ()
    except PackageNotFoundError:
        raise ConfigError(f"{name} is not installed here, so what it needs cannot be known: make test") from None
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement
