"""Polars schemas of the contracts, derived from the pydantic models, so that there is one source.

The dictionaries of a contract (`values`, `features` ...) become structs whose fields are the tags or
features of an asset class.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel

from andon.contracts.frames import Value
from andon.plant import AssetClass, TagKind

_SCALARS: dict[Any, pl.DataType] = {
    int: pl.Int64(),
    float: pl.Float64(),
    str: pl.String(),
    bool: pl.Boolean(),
}
_WAVEFORM = pl.Struct({"rate_hz": pl.Float64(), "samples": pl.List(pl.Float64())})
TAG_DTYPES: dict[TagKind, pl.DataType] = {
    TagKind.NUMBER: pl.Float64(),
    TagKind.INTEGER: pl.Int64(),
    TagKind.BOOLEAN: pl.Boolean(),
    TagKind.STATE: pl.String(),
    TagKind.WAVEFORM: _WAVEFORM,
}


def event_schema(
    event: type[BaseModel], asset_class: AssetClass, *, without: tuple[str, ...] = ()
) -> dict[str, pl.DataType]:
    """Return column name to dtype of a contract for one asset class.

    Args:
        event: the contract.
        asset_class: gives the tags and features that the contract's dictionaries hold.
        without: fields that the reader does not need; they are not even parsed.
    """
    return {
        name: _field_dtype(name, field.annotation, asset_class)
        for name, field in event.model_fields.items()
        if name not in without
    }


def required_columns(event: type[BaseModel]) -> tuple[str, ...]:
    """Return the columns that may not be null in any row."""
    return tuple(
        name
        for name, field in event.model_fields.items()
        if field.is_required() and type(None) not in typing.get_args(field.annotation)
    )


def _field_dtype(name: str, annotation: Any, asset_class: AssetClass) -> pl.DataType:
    inner = _strip(annotation)
    if typing.get_origin(inner) is not dict:
        return _dtype(inner)
    if name == "features":
        return pl.Struct(dict.fromkeys(asset_class.feature_definition.feature_names, pl.Float64()))
    value = typing.get_args(inner)[1]
    return pl.Struct({tag: _tag_dtype(value, asset_class, tag) for tag in asset_class.tags})


def _tag_dtype(value: Any, asset_class: AssetClass, tag: str) -> pl.DataType:
    if value == Value:
        kind, converted = asset_class.tags[tag].kind, asset_class.tags[tag].source_unit is not None
        # An integer that a unit conversion scales is none afterwards, and JSON does not tell 2 from 2.0.
        return TAG_DTYPES[TagKind.NUMBER if kind is TagKind.INTEGER and converted else kind]
    return _dtype(_strip(value))


def _dtype(annotation: Any) -> pl.DataType:
    annotation = _strip(annotation)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin = typing.get_origin(annotation)
    if origin is Literal or (isinstance(annotation, type) and issubclass(annotation, StrEnum)):
        return pl.String()
    if origin is list:
        return pl.List(_dtype(typing.get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pl.Struct({name: _dtype(field.annotation) for name, field in annotation.model_fields.items()})
    raise TypeError(f"no Polars dtype for {annotation!r}")


def _strip(annotation: Any) -> Any:
    """Take Annotated and Optional off."""
    if typing.get_origin(annotation) is Annotated:
        return _strip(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        if len(inner) == 1:
            return _strip(inner[0])
    return annotation


SchemaByClass = Mapping[str, dict[str, pl.DataType]]
