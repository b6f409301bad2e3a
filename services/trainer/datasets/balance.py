"""Windows of faults beside as many normal ones: what a method that learns from faults needs. Pure.

Faults are rare, so a method that sees all windows learns to say "normal". Windows of the class that has more are left
out until both have as many (random under-sampling; He and Garcia 2009, Learning from imbalanced data). They are left
out in blocks of time, for neighbouring windows share samples and say nearly the same: of single ones drawn at random,
some would lie beside every other.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from andon.errors import TrainingError
from andon.features import FeatureDefinition
from services.trainer.datasets.card import BalanceCard
from services.trainer.datasets.divide import ABNORMAL

#: Windows' lengths that a block takes: several, so that its windows say more than one does.
_BLOCK_WINDOWS = 10


def balance_windows(
    marked: pl.DataFrame, test: pl.DataFrame, definition: FeatureDefinition, seed: int
) -> tuple[pl.DataFrame, BalanceCard]:
    """Return labelled windows of both classes, as many of each, from the time before the test part, and how.

    A window counts as abnormal when its last sample is, as it does in test. One that only holds an abnormal sample
    further back is neither, and left out.

    Args:
        marked: as `services.trainer.datasets.divide.mark_windows` returns them.
        test: windows of the test part; of its time nothing is used, each asset for itself.
        definition: gives the window's length.
        seed: of the choice among blocks; the same one chooses the same.

    Raises:
        TrainingError: there are windows of one class only.
    """
    before = marked.join(test.group_by("asset").agg(until=pl.col("start").min()), on="asset", maintain_order="left")
    is_known = pl.col("reason").is_null() | ((pl.col("reason") == ABNORMAL) & pl.col("abnormal"))
    usable = before.filter(pl.col("time") <= pl.col("until"), is_known).drop("until")
    count = {label: usable.filter(abnormal=label).height for label in (False, True)}
    if not all(count.values()):
        only = "normal" if count[False] else "abnormal"
        raise TrainingError(
            f"all {usable.height} labelled windows before the test part are {only}: there is nothing to balance; take "
            "a longer period or more labels, or leave out --balance"
        )
    more = count[True] > count[False]
    fewer = usable.filter(abnormal=not more)
    card = BalanceCard(seed=seed, block=_BLOCK_WINDOWS * definition.window, normal=count[False], abnormal=count[True])
    kept = _some_blocks(usable.filter(abnormal=more), fewer.height, card.block, seed)
    return pl.concat([fewer, kept]).drop("reason").sort("asset", "time"), card


def _some_blocks(windows: pl.DataFrame, wanted: int, length: int, seed: int) -> pl.DataFrame:
    """Return the windows of blocks of time drawn at random, the last block cut off at *wanted* windows."""
    blocked = windows.with_columns(block=pl.struct("asset", at=pl.col("start") // length).rank("dense"))
    order = np.random.default_rng(seed).permutation(int(blocked["block"].n_unique()))
    drawn = blocked.with_columns(turn=pl.Series(order)[blocked["block"] - 1])
    return drawn.sort("turn", "time").head(wanted).drop("block", "turn")
