"""The proof: once all is quiet again, what topics, tables and lake hold is held against what was published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from andon.uns import Stage
from tests.chaos.arena import Arena
from tests.chaos.checker import Event, Finding, Outcome, compare
from tests.chaos.collect import Named, Topic, documents, frames, lake_frames, topics
from tests.chaos.expected import STAGES, expected_events
from tests.chaos.load import Machines, Stream

_DOCUMENTS = (Stage.FEATURE, Stage.INFERENCE, Stage.ALERT)
_AGAIN_S = 1.0

Expected = Mapping[Stage, Mapping[str, Event]]


async def prove(arena: Arena, stream: Stream, machines: Machines | None, patience: float) -> list[Outcome]:
    """Return what became of each place, as soon as nothing is missing, or after *patience* seconds without news."""
    expected = await expected_now(arena, stream)
    outcomes = [
        *await chain_topics(arena, expected, patience),
        *await chain_tables(arena, expected, stream, patience),
        await lake(arena, stream),
    ]
    return [*outcomes, *([await edge_topics(arena, machines, patience)] if machines else [])]


async def expected_now(arena: Arena, stream: Stream) -> Expected:
    """Return what an undisturbed plant would have made of what was published."""
    return await asyncio.to_thread(expected_events, arena.chain.plant, stream.frames)


async def chain_topics(arena: Arena, expected: Expected, patience: float, *, since: int = 0) -> list[Outcome]:
    """Return what became of the stages' topics and of the dead letters, of which there should be none.

    Args:
        arena: whose topics.
        expected: what should be there, by stage and id.
        patience: seconds without anything new after which nothing more is waited for.
        since: events that are older are passed over, microseconds UTC.
    """
    async with topics(arena.chain, *STAGES, Stage.DEADLETTER) as read:
        await _until(read, lambda: all(_complete(read[stage], expected[stage]) for stage in STAGES), patience)
        outcomes = [compare(f"topic {each}", expected[each], read[each].since(since), once=False) for each in STAGES]
        return [*outcomes, compare("dead letters", {}, read[Stage.DEADLETTER].named, once=True)]


async def chain_tables(arena: Arena, expected: Expected, stream: Stream, patience: float) -> list[Outcome]:
    """Return what became of the historian's tables: each row once."""
    plant, dsn = arena.chain.plant, arena.database.dsn if arena.database else arena.dsn
    raw = frame_values(stream.frames)
    context = frame_values(expected[Stage.CONTEXT].values())
    wanted = [
        ("table raw", raw, lambda: frames(dsn, Stage.RAW, "pump", plant)),
        ("table context", context, lambda: frames(dsn, Stage.CONTEXT, "pump", plant)),
        *((f"table {each}", expected[each], _document_reader(dsn, each, arena)) for each in _DOCUMENTS),
    ]
    return [await _settled(name, content, read, patience) for name, content, read in wanted]


def _document_reader(dsn: str, stage: Stage, arena: Arena) -> Callable[[], Awaitable[list[Named]]]:
    return lambda: documents(dsn, stage, arena.chain.plant)


async def lake(arena: Arena, stream: Stream) -> Outcome:
    """Stop the historian, which then writes out all that it has, and return what became of the lake."""
    code = await arena.kept["historian"].stop()
    if code != 0:
        return Outcome("lake", 1, 0, 0, (Finding("lost", "lake", "historian", f"did not stop in order: {code}"),))
    asset_class = arena.chain.plant.classes["pump"]
    kept = await asyncio.to_thread(lake_frames, arena.disk / "lake", "pump", asset_class)
    return compare("lake", frame_values(stream.frames), kept, once=True)


async def edge_topics(arena: Arena, machines: Machines, patience: float, *, since: int = 0) -> Outcome:
    """Return what became of the frames of the machines, live and from the spool: each has one name and one content.

    Args:
        arena: whose topics.
        machines: what they said.
        patience: seconds without anything new after which nothing more is waited for.
        since: what is older is passed over, microseconds UTC.
    """
    said = machines.frames.items()
    expected = {f"{asset}@{moment}": values for (asset, moment), values in said if moment >= since}
    async with topics(arena.edge, Stage.RAW, Stage.BACKFILL) as read:

        def named() -> list[Named]:
            return [
                (f"{event['asset']}@{event['time']}", event["values"])
                for topic in read.values()
                for event in topic.events
                if event["time"] >= since
            ]

        await _until(read, lambda: expected.keys() <= {name for name, _ in named()}, patience)
        return compare("edge: topics raw and backfill", expected, named(), once=False)


def frame_values(events: Any) -> dict[str, Event]:
    """Return the values of frames; asset and time are their ids."""
    return {f"{event['asset']}@{event['time']}": event["values"] for event in events}


def _complete(topic: Topic, expected: Mapping[str, Event]) -> bool:
    return expected.keys() <= {event["id"] for event in topic.events}


async def _until(read: Mapping[Stage, Topic], done: Callable[[], bool], patience: float) -> None:
    """Read topics until *done*, and once more; give up when nothing has come for *patience* seconds."""
    before, since = -1, time.monotonic()
    while not done() and time.monotonic() - since < patience:
        for topic in read.values():
            await topic.read()
        count = sum(len(topic.events) for topic in read.values())
        if count > before:
            before, since = count, time.monotonic()
        await asyncio.sleep(_AGAIN_S)
    for topic in read.values():
        await topic.read()


async def _settled(
    name: str, expected: Mapping[str, Event], read: Callable[[], Awaitable[list[Named]]], patience: float
) -> Outcome:
    """Compare a table as soon as it has as many rows as it should, or when it no longer grows."""
    rows, since = await read(), time.monotonic()
    while len(rows) < len(expected) and time.monotonic() - since < patience:
        await asyncio.sleep(_AGAIN_S)
        before, rows = len(rows), await read()
        if len(rows) > before:
            since = time.monotonic()
    return compare(name, expected, rows, once=True)
