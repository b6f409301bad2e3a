"""Aliases by their names."""

from __future__ import annotations

from typing import cast

from andon.registry.v1 import registry_pb2 as pb


def alias_value(name: str) -> pb.Alias:
    """Return the contract's value of an alias such as ``production``."""
    return cast("pb.Alias", pb.Alias.Value(f"ALIAS_{name.upper()}"))


def alias_name(alias: pb.Alias) -> str:
    """Return an alias in lower case, such as ``production``; empty for one that is not known."""
    name = pb.Alias.Name(alias) if alias in pb.Alias.values() else "ALIAS_UNSPECIFIED"
    return "" if name == "ALIAS_UNSPECIFIED" else name.removeprefix("ALIAS_").lower()
