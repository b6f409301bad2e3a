"""Regimes of operation: what a machine makes, and in which range it works. What is normal in one is not in another.

A window's regime is a text such as ``product still water, recipe R7, speed range 1``: product and recipe of its last
frame's context, and the ranges that the feature definition's `regime` kind tells apart. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from andon.features.definition import FeatureDefinition
from andon.features.feature import Feature

#: Fields of the context that make a regime, in their order.
FIELDS = ("product", "recipe")
_SEPARATOR = ", "


def regimes(vectors: pl.DataFrame, definition: FeatureDefinition, fields: Collection[str] = FIELDS) -> pl.Series:
    """Return the column `regime` of windows; an empty text where nothing is known that tells regimes apart.

    Args:
        vectors: columns features (a struct of the definition's) and, if anybody said any, context (of the window's last
            frame), as in the contract of feature vectors.
        definition: with its tags filled in.
        fields: of the context that count.
    """
    told = [_told(name) for name in FIELDS if name in fields] if "context" in vectors.columns else []
    ranges = [_ranged(feature) for kind in definition.extra.regime for feature in kind.features]
    if not told and not ranges:
        return pl.Series("regime", [""]).new_from_index(0, vectors.height)
    joined = pl.concat_str([*told, *ranges], separator=_SEPARATOR, ignore_nulls=True)
    return vectors.select(joined.fill_null("").alias("regime")).to_series()


def fields_of(labels: pl.Series) -> tuple[str, ...]:
    """Return the fields of the context that some of these regimes name."""
    names = labels.drop_nulls().unique()
    return tuple(name for name in FIELDS if names.str.contains(f"(^|{_SEPARATOR}){name} ").any())


def _told(field: str) -> pl.Expr:
    """Return what the context says of a field; a comma in it would look like the next part."""
    value = pl.col("context").struct.field(field).cast(pl.String)
    return pl.lit(f"{field} ") + value.str.replace_all(",", " ", literal=True)


def _ranged(feature: Feature) -> pl.Expr:
    """Return the range that a one-hot feature stands for where it is 1."""
    said = f"{feature.tag} range {feature.statistic.removeprefix('regime_')}"
    return pl.when(pl.col("features").struct.field(feature.name) == 1).then(pl.lit(said))
