"""One run: set up, load, faults, quiet, proof."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.arena import arena
from tests.chaos.checker import Finding, Outcome
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import Machines, Stream
from tests.chaos.proof import prove
from tests.chaos.timeline import Timeline


@dataclass(frozen=True)
class Plan:
    """What to do.

    Attributes:
        faults: names of them.
        seconds: how long the load and the faults last.
        seed: of the faults' random times and choices.
        longest: seconds that a fault may last at most.
        patience: seconds without anything new, after the faults, for which is waited for what is missing.
    """

    faults: Collection[str]
    seconds: float
    seed: int = 1
    longest: float = 60.0
    patience: float = 60.0


@dataclass(frozen=True)
class Report:
    """What came of it.

    Attributes:
        plan: what was to be done.
        timeline: what was done.
        skipped: faults that cannot be done here, and why.
        frames: how many were published.
        outcomes: what became of them.
        took: seconds that all of it took.
    """

    plan: Plan
    timeline: Timeline
    skipped: dict[str, str]
    frames: int
    outcomes: Sequence[Outcome]
    took: float

    @property
    def findings(self) -> list[Finding]:
        return [finding for outcome in self.outcomes for finding in outcome.findings]

    @property
    def idle(self) -> list[str]:
        """Faults that were to happen and never did, so that nothing is proven of them."""
        return sorted(set(self.plan.faults) - self.skipped.keys() - self.timeline.counted().keys())


async def conduct(plan: Plan, folder: Path, timeline: Timeline) -> Report:
    """Do what a plan says, in *folder*."""
    began = time.monotonic()
    async with arena(folder, timeline, clocks="clock-stepped" in plan.faults) as made:
        chosen = [FAULTS[name] for name in plan.faults]
        skipped = {fault.name: why for fault in chosen if (why := fault.lacks(made))}
        if not made.mqtt:
            skipped["edge"] = "Mosquitto is not installed, so that no machines speak to ingest"
        stream, machines = Stream(made.chain), Machines(made.mqtt.port) if made.mqtt else None
        async with made.services():
            timeline.note("all services are ready", f"the load begins, for {plan.seconds:g} s")
            loads = [asyncio.create_task(stream.run(plan.seconds))]
            loads += [asyncio.create_task(machines.run(plan.seconds))] if machines else []
            over = asyncio.Event()
            asyncio.get_running_loop().call_later(plan.seconds, over.set)
            striking = (each.run(made, plan.seed, plan.longest, over) for each in chosen if each.name not in skipped)
            await asyncio.gather(over.wait(), *striking)
            timeline.note("the faults are over", "what is under way comes to an end")
            await asyncio.gather(*loads)
            await stream.close_windows()
            outcomes = await prove(made, stream, machines, plan.patience)
        timeline.note("done", f"{len(stream.frames)} frames")
        sent = len(stream.frames) + (len(machines.frames) if machines else 0)
    return Report(plan, timeline, skipped, sent, outcomes, time.monotonic() - began)


__all__ = ["FAULTS", "Fault", "Plan", "Report", "conduct"]
