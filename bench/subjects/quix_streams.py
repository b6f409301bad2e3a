"""The jobs as a Quix Streams application: a windowed `reduce`, its state in RocksDB with a changelog as by default."""

from __future__ import annotations

import time
from typing import Any

from quixstreams import Application
from quixstreams.kafka import ConnectionConfig
from quixstreams.models import TopicAdmin, TopicManager

from andon.clock import MILLISECOND
from bench.subjects.job import Job, Order, read_order
from bench.subjects.reducer import add, begin, result_of
from bench.subjects.scoring import open_model

_GROUP = "bench-quix"


class ReportsRetention(TopicAdmin):  # type: ignore[misc]  # Quix Streams is not seen by mypy
    """Quix Streams copies a topic's retention to its changelog, and the embedded broker does not report any."""

    def inspect_topics(self, *arguments: Any, **keywords: Any) -> Any:
        configs = super().inspect_topics(*arguments, **keywords)
        for config in filter(None, configs.values()):
            config.extra_config.setdefault("retention.ms", "-1")
            config.extra_config.setdefault("retention.bytes", "-1")
        return configs


def application(order: Order) -> Any:
    """Return an application with Quix Streams' own defaults, but for what the embedded broker needs."""
    servers = order.kafka.bootstrap_servers
    return Application(
        servers,
        consumer_group=_GROUP,
        topic_manager=TopicManager(ReportsRetention(ConnectionConfig(bootstrap_servers=servers)), _GROUP),
        auto_offset_reset="earliest",
        state_dir=str(order.folder / "quix"),
        consumer_extra_config={
            "session.timeout.ms": order.session_ms,
            "heartbeat.interval.ms": order.session_ms // 4,
            "fetch.wait.max.ms": order.fetch_wait_ms,
        },
        producer_extra_config={"enable.idempotence": False},  # the embedded broker has none
        loglevel="WARNING",
    )


def _event_ms(frame: dict[str, Any], *_: Any) -> int:
    """Return the time that windows go by."""
    return int(frame["time"] // MILLISECOND)


def _now_ms(*_: Any) -> int:
    """Return the time that results bear: Quix Streams would pass that of their input on, which tells no latency."""
    return int(time.time() * 1_000)


def run(order: Order) -> None:
    """Do the job until the process is ended."""
    app = application(order)
    time_of = _now_ms if order.job is Job.PASS else _event_ms
    stream = app.dataframe(app.topic(order.source, key_deserializer="str", timestamp_extractor=time_of))
    if order.job is not Job.PASS:
        score = open_model(order.model) if order.job is Job.SCORE else None
        stream = stream.tumbling_window(duration_ms=1_000).reduce(reducer=add, initializer=begin).final()
        stream = stream.apply(lambda window: result_of(window["start"] * MILLISECOND, window["value"], score))
        stream = stream.set_timestamp(_now_ms)
    stream.to_topic(app.topic(order.output, key_serializer="str"))
    app.run()


if __name__ == "__main__":
    run(read_order())
