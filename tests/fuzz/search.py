"""Hypothesis as the engine: examples made of a target's seeds, each failure shrunk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from random import Random

import hypothesis
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate
from tests.fuzz.target import Parse, Target, examine

#: Examples of one round of a search by time.
_ROUND = 200


def inputs(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return the strategy of inputs: changed seeds, and now and then any bytes."""
    changed: Callable[[bytes, Random], bytes] = mutate
    made = st.builds(changed, st.sampled_from(seeds), st.randoms(use_true_random=False))
    return st.one_of(made, made, made, st.binary(max_size=200))


def search_for(target: Target, parse: Parse, seconds: float, tried: Callable[[bytes], None]) -> None:
    """Give a target inputs for so long; see `search`."""
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        search(target, parse, _ROUND, tried, seed=rounds, until=end)
        rounds += 1


def search(
    target: Target,
    parse: Parse,
    examples: int,
    tried: Callable[[bytes], None] = lambda _: None,
    *,
    seed: int | None = None,
    until: float = math.inf,
) -> None:
    """Give a target so many inputs.

    Args:
        target: the surface.
        parse: as the target was opened.
        examples: how many inputs.
        tried: told each input before it is given; the last one of a search that fails is the smallest found.
        seed: of the random numbers; another one each time when None.
        until: from then on, by the monotonic clock, no input is given.

    Raises:
        Exception: what an input brought out that no input may; see `examine`.
    """

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(inputs(target.seeds()))
    def one(data: bytes) -> None:
        if time.monotonic() < until:
            tried(data)
            examine(target, parse, data)

    (one if seed is None else hypothesis.seed(seed)(one))()
