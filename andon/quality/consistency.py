"""Inconsistent samples: what a class's relations between the samples of one frame rule out. Needs no past."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from andon.contracts import Quality
from andon.plant import AssetClass, Consistency
from andon.quality.marks import CODE, GOOD, Codes, Floats
from andon.quality.stretches import Mask


def mark_inconsistent(asset_class: AssetClass, level: Mapping[str, Floats], codes: Mapping[str, Codes]) -> None:
    """Add to *codes* the marks for samples that contradict each other.

    A relation is judged where all samples that it compares are good so far: one that is marked already explains the
    contradiction. It marks samples that have no mark; relations do not see each other's marks.

    Args:
        asset_class: gives the relations.
        level: tag to `andon.quality.marks.levels`.
        codes: tag to marks by all other rules.
    """
    violated = [(relation, _violated(relation, level, codes)) for relation in asset_class.consistency]
    for relation, rows in violated:
        for tag in relation.marked:
            codes[tag][rows & (codes[tag] == GOOD)] = CODE[Quality.INCONSISTENT]


def _violated(relation: Consistency, level: Mapping[str, Floats], codes: Mapping[str, Codes]) -> Mask:
    good = np.logical_and.reduce([codes[tag] == GOOD for tag in relation.compared])
    violated: Mask = good & (_excess(relation, level) > relation.tolerance)
    return violated


def _excess(relation: Consistency, level: Mapping[str, Floats]) -> Floats:
    """Return how far each frame is off; 0 or less where the relation holds exactly."""
    if relation.ratio and relation.between:
        one, other = (level[tag] for tag in relation.ratio)
        # Multiplied out: at standstill, where both are 0, there is no ratio. A negative tag turns the bounds round.
        ends = [bound * other for bound in relation.between]
        excess: Floats = np.maximum(one - np.maximum(*ends), np.minimum(*ends) - one)
    elif relation.equals:
        excess = np.abs(np.add.reduce([level[tag] for tag in relation.sum]) - level[relation.equals])
    else:
        excess = level[relation.low or ""] - level[relation.high or ""]
    return excess
