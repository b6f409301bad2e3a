"""The broker is killed and started again: the embedded one, which keeps everything in memory, has forgotten all then.

What was acknowledged before is gone with it, so that the proof of the other faults cannot be given. What is proven:

- every service goes on without a hand, if need be by being started again for not being live,
- frames that are published from then on, into topics that were made again, go all the way, each as it should be,
- what machines said from the moment of the kill on is there: what was not acknowledged lay in the spool.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

from andon.clock import wall_clock
from andon.stream.topics import changelog_name, ensure_topics
from sandbox.broker import EmbeddedBroker
from tests.chaos.arena import STAGES, Arena, arena
from tests.chaos.checker import Outcome
from tests.chaos.conduct import Plan, Report
from tests.chaos.load import Machines, Stream
from tests.chaos.proof import chain_topics, edge_topics, expected_now
from tests.chaos.timeline import Timeline

NAME = "broker-restarted"
_AWAY_S = 5.0
#: Services need this long at most until they are found out to be stuck, and are started again.
_PATIENCE_S = 240.0


async def conduct_restart(plan: Plan, folder: Path, timeline: Timeline) -> Report:
    """Load, kill the broker, start it again, load again, prove."""
    began = time.monotonic()
    async with arena(folder, timeline, clocks=False) as made:
        if made.broker is None:
            skipped = {NAME: "the broker is not ours to stop"}
            return Report(plan, timeline, skipped, 0, (), time.monotonic() - began)
        machines = Machines(made.mqtt.port) if made.mqtt else None
        async with made.services():
            before = Stream(made.chain)
            talking = asyncio.create_task(machines.run(plan.seconds * 2 + _AWAY_S)) if machines else None
            await before.run(plan.seconds)
            killed = await _restarted(made, made.broker)
            outcomes, after = await _proof(made, plan)
            if machines and talking:
                await talking
                outcomes.append(await edge_topics(made, machines, plan.patience, since=killed))
        frames = len(before.frames) + len(after.frames) + (len(machines.frames) if machines else 0)
    return Report(plan, timeline, {}, frames, outcomes, time.monotonic() - began)


async def _restarted(made: Arena, broker: EmbeddedBroker) -> int:
    """Return when the broker was killed, microseconds UTC.

    Topics are made again before any service asks for one: the embedded broker makes what it is asked for, and makes it
    twice if two ask at once, after which it refuses to keep a record there ("AlreadyExists").
    """
    broker.kill()
    killed = wall_clock()
    made.timeline.note(NAME, f"SIGKILL, away for {_AWAY_S:g} s")
    await asyncio.sleep(_AWAY_S)
    for service in made.kept.values():
        service.signal(signal.SIGSTOP)
    try:
        await asyncio.to_thread(broker.start)
        for site in (made.chain, made.edge):
            changelogs = [changelog_name(site.plant, service) for service in STAGES]
            await ensure_topics(site.kafka, site.plant, changelogs=changelogs)
    finally:
        for service in made.kept.values():
            service.signal(signal.SIGCONT)
    made.timeline.note("the broker is back", "and knows nothing")
    return killed


async def _proof(made: Arena, plan: Plan) -> tuple[list[Outcome], Stream]:
    made.timeline.note("topics are back", "the load begins again")
    after = Stream(made.chain)
    await after.run(plan.seconds)
    await after.close_windows()
    expected = await expected_now(made, after)
    return list(await chain_topics(made, expected, _PATIENCE_S, since=after.start)), after
