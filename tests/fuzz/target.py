"""What is fuzzed, and what holds for every input: it is taken, or refused with a reason, in bounded time."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import FrameType

from andon.settings import DatabaseSettings, KafkaSettings

#: Processor time that one input may cost. No wall clock: a busy machine is no fault of the code.
MOST_SECONDS = 10.0
#: By how much the process may grow over all inputs of a target.
MOST_GROWTH_MIB = 512

Parse = Callable[[bytes], None]
"""Takes an input and checks that what was taken reads back; raises one of the target's errors for a refusal."""


class HangError(AssertionError):
    """An input costs more processor time than any may."""


class GrowthError(AssertionError):
    """The inputs of a target cost more memory than they may."""


@dataclass(frozen=True, slots=True)
class Backends:
    """The real servers that a target may need behind it."""

    kafka: KafkaSettings | None = None
    database: DatabaseSettings | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A surface that takes bytes from outside.

    Attributes:
        name: how it is called at the command line.
        promise: what holds for every input, for the documentation.
        open: gives the function that takes an input, for the length of a `with` block.
        seeds: sound inputs, made by our own code; all others are made from these.
        errors: the only ones that may be raised, as its docstring names them.
        needs: the servers behind it.
        guided: whether its work is done in this thread, so that what it reaches can guide the search.
        examples: inputs that it is given in the test suite.
    """

    name: str
    promise: str
    open: Callable[[Backends], AbstractContextManager[Parse]]
    seeds: Callable[[], Sequence[bytes]]
    errors: tuple[type[Exception], ...] = ()
    needs: frozenset[str] = frozenset()
    guided: bool = True
    examples: int = 50


def always(parse: Parse) -> Callable[[Backends], AbstractContextManager[Parse]]:
    """Return what opens a target that needs nothing to be opened."""
    return lambda _: contextlib.nullcontext(parse)


def examine(target: Target, parse: Parse, data: bytes) -> bool:
    """Give an input to a target and return whether it was taken.

    Raises:
        HangError: it takes too long.
        Exception: whatever the target raises that its docstring does not name, or a refusal without a reason.
    """
    with bounded(MOST_SECONDS):
        try:
            parse(data)
        except target.errors as refusal:
            reason, kind = str(refusal).strip(), type(refusal).__name__
        else:
            return True
    assert reason, f"{kind} without a reason"
    return False


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise `HangError` in a block that costs more than so many seconds of this process's time."""

    def stop(_: int, __: FrameType | None) -> None:
        raise HangError(f"not done after {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def bounded_growth() -> Iterator[None]:
    """Raise `GrowthError` after a block in which the process has grown by more than it may."""
    before = _peak_mib()
    yield
    if (grown := _peak_mib() - before) > MOST_GROWTH_MIB:
        raise GrowthError(f"grew by {grown:.0f} MiB, at most {MOST_GROWTH_MIB} are allowed")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
