"""Which nodes of an OPC UA server are which tags of which machines, as written in sources.yaml."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from andon.connection import Group, Text
from andon.plant.model import AssetName, TagName
from andon.secrets import FileBeside
from andon.units import Duration
from services.ingest.opcua.address import NodeText, PathText, parse_node, parse_path

#: What a template may name.
_FIELDS = ("name", "parent", "path")


def _check_template(template: str) -> str:
    known = ", ".join(f"{{{name}}}" for name in _FIELDS)
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise ValueError(f"{template!r} cannot be filled in: {error}") from None
    if unknown := [field for field in fields if field not in _FIELDS]:
        raise ValueError(f"{template!r} names {{{unknown[0]}}}, which there is not (it may name {known})")
    return template


Template = Annotated[str, Field(min_length=1), AfterValidator(_check_template)]
"""A text that may name {name}, {parent} and {path}; characters that the result may not hold become '-'."""


def is_node(text: str) -> bool:
    """Return whether a type is given by NodeId, not by browse name."""
    return re.match(r"(nsu=[^;]+;|ns=\d+;)?[isgb]=", text) is not None


def _check_type(text: str) -> str:
    if is_node(text):
        parse_node(text)
        return text
    names = parse_path(text)
    if len(names) != 1 or names[0].uri is None:
        raise ValueError(f"{text!r} is no type: write nsu=URI;NameOfType, or its NodeId (`andon browse` shows them)")
    return text


TypeText = Annotated[str, AfterValidator(_check_type)]
"""An ObjectType by its NodeId, or by its browse name (``nsu=http://vendor/;PumpType``)."""


class ItemSettings(Group):
    """How the server is to watch a variable; what is not set is as the source says."""

    sampling: Duration | None = None
    """How often the server looks at the variable; 0s: as fast as it can."""
    queue: int | None = Field(default=None, ge=1)
    """How many changes the server keeps until it sends the next message."""
    deadband: float | None = Field(default=None, ge=0)
    """Changes up to this, in the unit of the variable, are not sent."""
    deadband_percent: float | None = Field(default=None, ge=0, le=100)
    """Changes up to this share of the variable's EURange are not sent; instead of `deadband`."""

    @model_validator(mode="after")
    def _has_one_deadband(self) -> Self:
        if self.deadband is not None and self.deadband_percent is not None:
            raise ValueError("give either `deadband` or `deadband_percent`")
        return self


class OneTag(ItemSettings):
    """A variable that is one tag of one machine."""

    asset: AssetName
    """The machine, as in the plant model."""
    tag: TagName
    """Its tag, as in the plant model."""


class NodeRule(OneTag):
    """A variable by its NodeId."""

    node: NodeText
    """Such as ``nsu=http://vendor/;s=Pump1.Flow``."""


class PathRule(OneTag):
    """A variable by the names on the way to it, for servers that number their nodes anew at every start."""

    path: PathText
    """Such as ``Line1/Pump1/Flow``."""
    namespace: Text | None = Field(default=None, validate_default=True)
    """URI of the namespace of the names that give none."""
    root: NodeText = "i=85"
    """Where the path starts; the folder Objects when not set."""

    @field_validator("namespace")
    @classmethod
    def _is_complete(cls, uri: str | None, info: ValidationInfo) -> str | None:
        if uri is not None and uri.isdigit():
            raise ValueError(f"{uri} is an index, which changes when the server is changed: write the namespace's URI")
        bare = [step.name for step in parse_path(info.data.get("path", "-"), uri) if step.uri is None]
        if bare:
            raise ValueError(f"is missing, and the path's {bare[0]!r} has no nsu= either: write the namespace's URI")
        return uri


class TypeRule(ItemSettings):
    """Every instance of an ObjectType: each is a machine, its variables are the machine's tags.

    Give `asset`, `assets`, or both; then `asset` is for the instances that `assets` does not name.
    """

    type: TypeText
    """Such as ``nsu=http://vendor/;PumpType``; instances of its subtypes count, too."""
    root: NodeText = "i=85"
    """Below which node to look."""
    depth: int = Field(default=8, ge=1, le=32)
    """How many levels below it."""
    asset: Template | None = None
    """The machine: {name} is the instance's browse name, {parent} that of the object above, {path} all names below
    `root`, such as ``water/line-1/{name}``."""
    assets: dict[str, AssetName] = Field(default_factory=dict)
    """The machine by the instance's browse name, or by its NodeId where two have one name."""
    tags: dict[PathText, TagName] = Field(default_factory=dict)
    """The tag by the variable's path below the instance, such as ``Measurements/Flow``. When not given, variables
    whose names below the instance, with a dot between them, are a tag of the machine are taken, and no others."""

    @model_validator(mode="after")
    def _names_assets(self) -> Self:
        if self.asset is None and not self.assets:
            raise ValueError("give `asset` or `assets`, which says which machine an instance is")
        return self


class BranchRule(ItemSettings):
    """Every variable below a node whose path fits."""

    root: NodeText = "i=85"
    """The node to look below."""
    depth: int = Field(default=8, ge=1, le=32)
    """How many levels."""
    include: tuple[str, ...] = Field(default=("**",), min_length=1)
    """Patterns of paths below `root`, names with / between them: ``*`` is any part of a name, ``**`` any names."""
    exclude: tuple[str, ...] = ()
    """Patterns of what not to take."""
    asset: Template
    """The machine: {name} and {path} are the name and path of the object that the variable is in."""
    tag: Template = "{name}"
    """The tag: {name} is the variable's browse name, {parent} that of the object it is in."""


class ListRule(ItemSettings):
    """Variables listed in a CSV file, such as an engineering tool exports."""

    file: FileBeside
    """Has a line of headings: node, asset and tag, and, if wanted, sampling, queue, deadband and deadband_percent."""
    separator: str = Field(default=",", min_length=1, max_length=1)
    """What stands between the columns."""


class Select(Group):
    """Which variables to read. The rules add up; a tag that two variables claim goes to the first."""

    nodes: tuple[NodeRule, ...] = ()
    """By NodeId."""
    paths: tuple[PathRule, ...] = ()
    """By browse path."""
    types: tuple[TypeRule, ...] = ()
    """All instances of a type."""
    branches: tuple[BranchRule, ...] = ()
    """All that is below a node, filtered."""
    lists: tuple[ListRule, ...] = ()
    """From files."""

    @model_validator(mode="after")
    def _selects_something(self) -> Self:
        if not any((self.nodes, self.paths, self.types, self.branches, self.lists)):
            raise ValueError("selects nothing: give `nodes`, `paths`, `types`, `branches` or `lists`")
        return self
