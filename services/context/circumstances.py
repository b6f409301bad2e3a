"""What is known of the plant, as one thread of the service sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import Context
from andon.plant import Plant
from andon.production import Change, ContextJoin, Fact, Knowledge
from andon.production.states import Samples, StateRules, context_of

_TEXTS = tuple(name for name in Context.model_fields if name != "stale")
DTYPE = pl.Struct({**dict.fromkeys(_TEXTS, pl.String), "stale": pl.Boolean})
#: With so much news at once it is cheaper to work out everything anew than to ask what changes.
_MUCH = 1_000


class Circumstances:
    """Facts, and the join of frames with them.

    News may be told by any thread; they count from the next `catch_up` on, which whoever joins must call.

    Args:
        plant: the plant model.

    Attributes:
        knowledge: the facts.
        stale: whether a source of news cannot be reached.
    """

    def __init__(self, plant: Plant) -> None:
        self.knowledge = Knowledge()
        self.stale = False
        self._join = ContextJoin(plant, self.knowledge)
        self._rules = {name: StateRules(asset_class) for name, asset_class in plant.classes.items()}
        self._silent = not plant.shifts and not any(each.machine_states for each in plant.classes.values())
        self._news: deque[Fact] = deque()
        self._forget_before = 0

    def tell(self, fact: Fact) -> None:
        """Take news."""
        self._news.append(fact)

    def catch_up(self) -> list[Change]:
        """Let the news count; return what they change, or nothing where there is too much of it to say."""
        if len(self._news) >= _MUCH:
            self.knowledge.load(self._news.popleft() for _ in range(len(self._news)))
            self._join.forget()
            return []
        changes: list[Change] = []
        while self._news:
            changes.extend(self.knowledge.tell(self._news.popleft()))
        self._join.invalidate(changes)
        if self._forget_before:
            self.knowledge.forget(self._forget_before)
            self._forget_before = 0
        return changes

    def forget_before(self, moment: int) -> None:
        """Forget what ended before a moment, at the next `catch_up`."""
        self._forget_before = moment

    def affected(self, place: str) -> Sequence[str]:
        """Return the assets at a place and below it."""
        return self._join.affected(place)

    def numbers(self, assets: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers by which `context` knows assets."""
        return self._join.numbers(assets)

    def context(
        self, asset_class: str, asset: NDArray[np.int64], times: NDArray[np.int64], samples: Samples
    ) -> pl.Series:
        """Return the contract's `context` of frames of one class.

        Args:
            asset_class: its name.
            asset: (n) `numbers` of the frames' assets.
            times: (n) event times, microseconds.
            samples: of the frames.
        """
        if self._silent and not len(self.knowledge) and not self.stale:
            return pl.Series("context", [None], dtype=DTYPE).new_from_index(0, len(asset))
        joined = self._join.join(asset, times)
        return context_of(joined, self._rules[asset_class], samples, stale=self.stale)
