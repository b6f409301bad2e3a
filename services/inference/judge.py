"""One asset class's windows: what its models say of them, and what its limits do."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from andon.plant import AssetClass
from andon.serving.lineup import Lineup
from services.inference.limits import LimitWatch, no_violations
from services.inference.scatter import scatter_lists
from services.inference.seat import empty_seat, seat_of
from services.inference.windows import Windows

_PRODUCTION, _SHADOW, _CANARY = pl.lit("production"), pl.lit("shadow"), pl.lit("canary")


class Judge:
    """Gives the verdicts on one asset class: its models' if there are any, its limits' in every case.

    Each window has one verdict that acts, with the broken limits: the canary's on the canary's assets, else the
    production model's. All others are shadows: they are compared, and never alert.
    """

    def __init__(self, name: str, asset_class: AssetClass, lineup: Lineup, *, threads: int, top: int) -> None:
        """Prepare for one class.

        Args:
            name: the class's name in the plant model.
            asset_class: its definition.
            lineup: its models. Without a production model, and from a model that learned from another feature
                definition than the plant model's, every verdict is to abstain (``no_model``, ``feature_hash``).
            threads: threads that score one batch.
            top: most features to name as reasons for a score.

        Raises:
            BundleError: a model's graph breaks the contract.
        """
        self._limits = LimitWatch(asset_class)
        seats = {
            bundle.manifest.version: seat_of(name, asset_class, bundle, threads=threads, top=top)
            for bundle in lineup.bundles
        }
        production, canary = lineup.production, lineup.canary
        self._has_production = production is not None
        empty = empty_seat(name, self._limits.in_words)
        self._production = seats[production.manifest.version] if production else empty
        self._canary = (canary, seats[canary.bundle.manifest.version]) if canary else None
        self._shadows = [seats[bundle.manifest.version] for bundle in lineup.shadows]

    def judge(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
        """Return columns of `andon.contracts.Inference` and of its lineage, a frame for each model, production first.

        Rows of a frame are in the order of *rows*. The acting verdicts of an asset are all in one frame.

        Args:
            rows: columns of `andon.contracts.FeatureVector`, `offset` and `traceparent`.
        """
        windows = Windows(rows)
        violations = self._limits.check(windows)
        shadows = (seat.judge(windows, _SHADOW, no_violations(windows.height)) for seat in self._shadows)
        return (*self._acting(windows, violations), *shadows)

    def _acting(self, windows: Windows, violations: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield the verdicts of the production model and of the canary."""
        if self._canary is None:
            yield self._production.judge(windows, _PRODUCTION, violations)
            return
        canary, seat = self._canary
        taken = canary.taken(windows.rows["asset"])
        if self._has_production:
            left = ~taken.to_numpy()
            role = pl.when(taken).then(_SHADOW).otherwise(_PRODUCTION)
            yield self._production.judge(windows, role, scatter_lists(violations.filter(~taken), left))
        elif not taken.all():
            yield self._production.judge(windows.filter(~taken), _PRODUCTION, violations.filter(~taken))
        if taken.any():
            yield seat.judge(windows.filter(taken), _CANARY, violations.filter(taken))
