"""Keyed state in a Faust table with its changelog, recovered at the start.

One event on the input makes the agent update many keys, so that reading events costs next to nothing here.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import faust

from andon.settings import Settings, read_settings
from bench.subjects.updates import updates

kafka = read_settings(Settings).kafka
# Timeouts are those of the batch runtime, for the broker's sake; all else is Faust's own default.
app = faust.App(
    sys.argv.pop(),
    broker=f"kafka://{kafka.bootstrap_servers}",
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
    broker_rebalance_timeout=4.0,
    topic_partitions=kafka.partitions,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
)
state = app.Table("state", partitions=kafka.partitions)
batches = app.topic(f"{app.conf.id}-batches", value_serializer="json")
assigned_at = 0.0


@app.on_partitions_assigned.connect  # type: ignore[untyped-decorator]  # Faust ships no types that mypy can use
async def note_assigned(_: Any, __: Any, **___: Any) -> None:
    global assigned_at
    assigned_at = time.monotonic()


@state.on_recover  # type: ignore[untyped-decorator]
async def tell_recovered() -> None:
    print("recovered", time.monotonic() - assigned_at, len(state), flush=True)


@app.agent(batches)  # type: ignore[untyped-decorator]
async def update(stream: Any) -> None:
    async for batch in stream:
        print("begun", time.monotonic(), flush=True)
        for key, value in updates(batch):
            state[key] = value


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False, quiet=True).execute_from_commandline()
