"""Context frames as the inputs of features: the same expressions online, offline and for parity."""

from __future__ import annotations

import polars as pl

from andon.contracts.frames import Context
from andon.features.definition import FeatureDefinition
from andon.features.samples import CONTEXT

_NO_CONTEXT = pl.Struct(dict.fromkeys(Context.model_fields, pl.String))


def judged_inputs(
    values: pl.DataFrame, quality: pl.Series, context: pl.Series | None, definition: FeatureDefinition
) -> pl.DataFrame:
    """Return the inputs of frames that were judged offline.

    Args:
        values: a column for each tag, in the model's units.
        quality: marks, as in the contract of context frames.
        context: of the frames; None where nobody said any.
        definition: gives the inputs.
    """
    if context is None:
        context = no_context(values.height)
    frames = pl.DataFrame([values.to_struct("values"), quality.alias("quality"), context.alias("context")])
    return frames.select(input_columns(definition))


def no_context(frames: int) -> pl.Series:
    """Return the column `context` of frames of which nobody said any."""
    return pl.Series("context", [None], dtype=_NO_CONTEXT).new_from_index(0, frames)


def input_columns(definition: FeatureDefinition, prefix: str = "") -> list[pl.Expr]:
    """Return one expression for each of the definition's inputs, in their order, named *prefix* and the input's name.

    They are over the columns `values`, `quality` and `context` of context frames. What is marked or missing is null;
    the definition's `tags`, which are all numbers, are Float64.
    """
    numbers = frozenset(definition.tags)
    return [_input(name, is_number=name in numbers).alias(prefix + name) for name in definition.inputs]


def _input(name: str, *, is_number: bool) -> pl.Expr:
    if name.startswith(CONTEXT):
        return pl.col("context").struct.field(name.removeprefix(CONTEXT))
    value = pl.col("values").struct.field(name)
    good = pl.when(pl.col("quality").struct.field(name).is_null())
    return good.then(value.cast(pl.Float64) if is_number else value)
