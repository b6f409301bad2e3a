"""Atheris as the engine: the branches that an input reaches in Andon's code decide which inputs to go on from.

Run as a program of its own, because it never returns: libFuzzer ends the process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import atheris

from tests.fuzz.mutation import MAX_BYTES, mutate
from tests.fuzz.target import Backends, examine

#: Of the inputs, so many are made by libFuzzer's own mutations, which know what comparisons were met.
_OWN_SHARE = 0.5
_LIMITS = ("-timeout=20", "-rss_limit_mb=3072", f"-max_len={MAX_BYTES}", "-print_final_stats=1", "-verbosity=0")


def main(name: str, seconds: str, folder: str) -> None:
    """Fuzz a target for so many seconds; inputs that break it go to *folder*, which also keeps the corpus."""
    with atheris.instrument_imports(include=["andon", "services"]):
        from tests.fuzz.targets import TARGETS
    target, corpus = TARGETS[name], Path(folder) / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    with target.open(Backends()) as parse:
        atheris.Setup(
            [sys.argv[0], *_LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={folder}/{name}-", str(corpus)],
            lambda data: _ignore(examine(target, parse, data)),
            custom_mutator=_mutated,
        )
        atheris.Fuzz()


def _mutated(data: bytes, max_size: int, seed: int) -> bytes:
    random = Random(seed)
    if random.random() < _OWN_SHARE:
        return bytes(atheris.Mutate(data, max_size))
    return mutate(bytes(data), random)[:max_size]


def _ignore(_: bool) -> None:
    """Return nothing, as libFuzzer asks for."""


if __name__ == "__main__":
    main(*sys.argv[1:])
