"""Values in the plant model's units: factors are derived once, then applied to whole columns."""

from __future__ import annotations

import polars as pl

from andon.plant import AssetClass, Tag, TagKind
from andon.units import conversion

_UNCHANGED = (1.0, 0.0)


def model_values(asset_class: AssetClass) -> list[pl.Expr]:
    """Return one expression per tag, in the class's order, over columns named like the tags.

    Each gives the tag's values in the model's unit: numbers and samples scaled, integers as they are unless their
    unit is converted (then they become numbers), numbers that are not finite as null, which JSON can carry.
    """
    return [_value(name, tag).alias(name) for name, tag in asset_class.tags.items()]


def _value(name: str, tag: Tag) -> pl.Expr:
    factor, offset = factor_and_offset(tag)
    column = pl.col(name)
    converted = (factor, offset) != _UNCHANGED
    if tag.kind is TagKind.NUMBER or (tag.kind is TagKind.INTEGER and converted):
        number = column * factor + offset if converted else column
        return pl.when(number.is_finite()).then(number)
    if tag.kind is TagKind.WAVEFORM and converted:
        return column.struct.with_fields(pl.field("samples").list.eval(pl.element() * factor + offset))
    return column


def factor_and_offset(tag: Tag) -> tuple[float, float]:
    """Return what brings a tag's values, as the source gives them, into the model's unit."""
    if tag.source_unit is None or tag.unit is None:
        return _UNCHANGED
    return conversion(tag.source_unit, tag.unit)
