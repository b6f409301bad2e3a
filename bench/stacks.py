"""Sampled stacks of a stage, sorted into the parts of its work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

#: Polars works on threads of its own, which have no Python stack.
POLARS_THREADS = "polars"
DECODE, PROCESS, ENCODE, FETCH, PRODUCE, COMMIT, GARBAGE, LOOP, OTHER = (
    "JSON decode",
    "processing",
    "encode",
    "fetch",
    "produce",
    "commit and group",
    "garbage collection",
    "event loop and Faust",
    "other",
)
#: Parts that a stack can be of.
PARTS = (DECODE, PROCESS, ENCODE, FETCH, PRODUCE, COMMIT, GARBAGE, LOOP, OTHER)
#: Pattern of a frame, ``function (file:line)``, to its part; the innermost frame that matches one decides.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), part)
    for pattern, part in (
        (r"\(andon/garbage\.py", GARBAGE),
        (r"^Decoder\..* \(andon/stream/codec\.py|\(andon/stream/rows\.py", DECODE),
        (r"\(andon/stream/(codec|deadletters)\.py|^Partition\.(_encode|_letters)", ENCODE),
        (r"^Partition\.(prepare|tick) |\(services/(?!\w+/__main__)", PROCESS),
        (r"\(andon/(stream/instruments|telemetry/\w+)\.py", OTHER),
        (r"\(aiokafka/consumer/group_coordinator\.py|^\S*commit\w* \(", COMMIT),
        (r"\(aiokafka/producer/|\(andon/stream/(producer|lane)\.py", PRODUCE),
        (r"\(aiokafka/(consumer|conn|client)|\(faust/transport/|\(andon/stream/batches\.py", FETCH),
        (r"^_SelectorSocketTransport\._read_ready ", FETCH),  # nearly all that comes is what a fetch has asked for
        (r"_run_once \(asyncio/base_events\.py", LOOP),
    )
)
#: A process that still starts.
_STARTING = "<frozen importlib"
#: Innermost function of a thread that waits for work, and that py-spy takes for busy when the machine is.
_WAITING = re.compile(r"^(\w+\.)?(select \(selectors|_worker \(concurrent/futures/thread)\.py")


def part_of(frames: Sequence[str]) -> str:
    """Return the part that a stack is of, outermost frame first."""
    for frame in reversed(frames):
        for pattern, part in _RULES:
            if pattern.search(frame):
                return part
    return OTHER


def parts_of(stacks: str) -> Counter[str]:
    """Return how many samples are of each part; those of a thread that waits, or of the start, are of none.

    Args:
        stacks: lines of frames separated by semicolons, outermost first, and a number, as py-spy writes them.
    """
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if _STARTING not in stack and not _WAITING.search(frames[-1]):
            found[part_of(frames)] += int(count)
    return found
