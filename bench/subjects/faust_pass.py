"""The same stage as a plain Faust agent, as Faust's documentation writes one: event by event, JSON values."""

from __future__ import annotations

import sys
from typing import Any

import faust

from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.stream.topics import topic_name
from andon.uns import Stage

settings = read_settings(Settings)
kafka = settings.kafka
app = faust.App(
    "bench-faust-pass",
    broker=f"kafka://{kafka.bootstrap_servers}",
    # The same as the batch runtime's, for the broker's sake; all else is Faust's own default.
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.5,
    broker_rebalance_timeout=4.0,
    topic_partitions=kafka.partitions,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
)
raw = app.topic(topic_name(load_plant(settings.plant), Stage.RAW), key_serializer="raw", value_serializer="json")
context = app.topic(sys.argv.pop(), key_serializer="raw", value_serializer="json")


@app.agent(raw)  # type: ignore[untyped-decorator]  # Faust ships no types that mypy can use
async def pass_on(stream: Any) -> None:
    async for key, frame in stream.items():
        await context.send(key=key, value=frame)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN").execute_from_commandline()
