"""Which models speak for an asset class: one that acts, one that may act on a share of the assets, others that watch.

Production, shadow and canary are the usual stages of a release (Beyer et al. 2018, The Site Reliability Workbook,
ch. 16, Canarying Releases).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cache

import polars as pl

from andon.errors import BundleError
from andon.models import Bundle

_BYTES = 6
_PLACES = 1 << 8 * _BYTES  # as many as a float tells apart


@dataclass(frozen=True, slots=True)
class Canary:
    """A model that acts on some of the assets.

    An asset's place is the first 48 bits of its path's SHA-256, as a number in 0..1. It is the same in every worker
    and after every restart, a larger share only adds assets, and all canaries are tried on the same ones, so that
    people know which machines these are.

    Attributes:
        bundle: the model.
        share: of the assets, 0 to 1; of few assets the true share is only about as large.

    Raises:
        ValueError: the share is not within 0 and 1.
    """

    bundle: Bundle
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"a canary's share is {self.share:g}: must be 0 to 1")

    def takes(self, asset: str) -> bool:
        """Return whether the canary acts on the asset at this path."""
        return _place(asset) < self.share

    def taken(self, assets: pl.Series) -> pl.Series:
        """Return `takes` for each path of a column; each different path is looked at once."""
        return assets.is_in([asset for asset in assets.unique() if self.takes(asset)])


@cache  # by asset, of which a plant model has a fixed number
def _place(asset: str) -> float:
    digest = hashlib.sha256(asset.encode()).digest()
    return int.from_bytes(digest[:_BYTES], "big") / _PLACES


@dataclass(frozen=True, slots=True)
class Lineup:
    """The models of one asset class.

    Attributes:
        production: acts on all assets that the canary does not take; None leaves them to their limits.
        shadows: score every window and never act.
        canary: acts on a share of the assets, on which the production model then is a shadow.

    Raises:
        BundleError: a model is there twice, and its verdicts could not be told apart.
    """

    production: Bundle | None
    shadows: tuple[Bundle, ...] = ()
    canary: Canary | None = None

    def __post_init__(self) -> None:
        versions = Counter(bundle.manifest.version for bundle in self.bundles)
        if twice := [version for version, count in versions.items() if count > 1]:
            raise BundleError(f"model version {twice[0]} is in the line-up twice: give it one role")

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """All models, production first."""
        canary = (self.canary.bundle,) if self.canary else ()
        production = (self.production,) if self.production else ()
        return (*production, *canary, *self.shadows)
