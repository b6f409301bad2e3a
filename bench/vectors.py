"""Feature vectors of the benches' machines, and models that learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.contracts import FeatureVector
from andon.contracts.ids import event_ids
from andon.models import Bundle, Criterion, ModelFacts, Scorer, Verdict, make_bundle
from andon.plant import Plant
from andon.uns import Stage
from bench.autoencoder import dense_autoencoder
from bench.frames import CLASS, MACHINES, RATE_HZ, frames
from services.trainer.dataset import offline_vectors
from services.trainer.order import Order
from services.trainer.train import feature_matrix, train_class

#: Windows of each machine that are computed; they come again and again, each time later.
_SECONDS = 100
#: Share of the windows whose score is explained.
_EXPLAINED = 0.01
_GO = Verdict(criteria=(Criterion(name="measured", value=1, limit=1, at_most=False, evidence="none: a bench"),))


@dataclass(frozen=True)
class Vectors:
    """Feature vectors of normal noise, any number of them."""

    plant: Plant

    @cached_property
    def base(self) -> pl.DataFrame:
        """Windows of all machines, by end and machine, as `offline_vectors` makes them."""
        asset_class = self.plant.classes[CLASS]
        found = offline_vectors(frames(self.plant, 0, MACHINES * RATE_HZ * _SECONDS), asset_class)
        return found.sort("time", "asset", maintain_order=True)

    def events(self, first: int, count: int) -> pl.DataFrame:
        """Return events number *first* to *first* + *count*, as the feature stage would publish them."""
        number = np.arange(first, first + count)
        later = pl.Series(number // self.base.height * _SECONDS * SECOND)
        definition = self.plant.classes[CLASS].feature_definition.hash
        rows = self.base[number % self.base.height].with_columns(
            pl.col("time", "start") + later, definition=pl.lit(definition), asset_class=pl.lit(CLASS)
        )
        rows = rows.with_columns(event_ids(Stage.FEATURE, definition), ingest_time="time", origin=pl.lit("live"))
        return rows.select(name for name in FeatureVector.model_fields if name in rows.columns)


@dataclass(frozen=True)
class Autoencoders:
    """Auto-encoders with random weights: how long one takes does not depend on them.

    Attributes:
        vectors: what they learn the spread of features from.
        hidden: neurons of each layer between the features and their reconstruction.
    """

    vectors: Vectors
    hidden: Sequence[int]

    def bundle(self, seed: int, *, created: int) -> Bundle:
        """Return one that may act, with the weights of *seed*, made at *created* (microseconds UTC)."""
        graph, windows = self._graph(seed), self._windows
        scores = Scorer(graph, features=windows.shape[1], threads=1).score(windows).score
        hysteresis = self.vectors.plant.classes[CLASS].model.hysteresis
        threshold = float(np.quantile(scores, 1 - _EXPLAINED)) / (1 - hysteresis)
        return make_bundle(self.facts.model_copy(update={"threshold": threshold}), graph, created=created)

    def _graph(self, seed: int) -> bytes:
        random, windows = np.random.default_rng(seed), self._windows
        sizes = (windows.shape[1], *self.hidden, windows.shape[1])
        layers = [
            (random.normal(0, 1 / np.sqrt(size), (size, after)).astype(np.float32), np.zeros(after, np.float32))
            for size, after in pairwise(sizes)
        ]
        return dense_autoencoder(windows.mean(axis=0), windows.std(axis=0), layers)

    @cached_property
    def _windows(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return feature_matrix(self.vectors.base, self.facts.features).astype(np.float32)

    @cached_property
    def facts(self) -> ModelFacts:
        """What a model of these vectors states about itself, with a verdict that lets it act."""
        plant = self.vectors.plant
        order = Order(
            name=CLASS,
            class_name=CLASS,
            asset_class=plant.classes[CLASS],
            plant=plant.version,
            purpose="to be measured",
            owner="nobody",
            data="normal noise",
        )
        return train_class(self.vectors.base, order).facts.model_copy(update={"verdict": _GO})
