"""The Faust application that a worker runs on: membership, assignment, offsets; batches for the input topic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from tempfile import gettempdir
from typing import Any

import faust

from andon.clock import SECOND
from andon.settings import KafkaSettings, RuntimeSettings
from andon.stream.answers import check_by_instruction
from andon.stream.batches import BatchScheduler, BatchTransport, Feed, Undecoded
from andon.stream.pieces import read_in_pieces

#: Faust makes folders for tables on disk, which are not used here, wherever it is told.
_DATA_FOLDER = gettempdir()
#: Most bytes that one fetch brings of a partition; more take memory and save no time.
_FETCH_BYTES = 2 * 1_048_576


def batch_app(
    group: str, kafka: KafkaSettings, runtime: RuntimeSettings, feed: Feed, consume: Callable[[Any], Awaitable[None]]
) -> faust.App:
    """Return an application whose one agent is *consume*, which is handed each partition's polls of the feed's topic.

    Args:
        group: name of the consumer group.
        kafka: how to reach the broker.
        runtime: sizes and intervals.
        feed: what is read in batches.
        consume: takes the stream of polls.
    """
    read_in_pieces()

    class Scheduler(BatchScheduler):
        batch_topics = frozenset({feed.topic})

    app = faust.App(
        group,
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        broker_credentials=credentials(kafka),
        broker_session_timeout=kafka.session_timeout / SECOND,
        broker_rebalance_timeout=kafka.rebalance_timeout / SECOND,
        broker_heartbeat_interval=kafka.session_timeout / SECOND / 4,
        broker_request_timeout=max(kafka.request_timeout, kafka.session_timeout) / SECOND,
        broker_commit_interval=runtime.commit_interval / SECOND,
        broker_max_poll_records=runtime.poll_records,
        broker_max_poll_interval=600.0,
        broker_check_crcs=not check_by_instruction(),
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        topic_partitions=kafka.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        datadir=_DATA_FOLDER,
        ConsumerScheduler=Scheduler,
    )
    app.transport = BatchTransport(app, feed)
    app.agent(app.topic(feed.topic, schema=Undecoded(), acks=False), name=group)(consume)
    return app


def credentials(kafka: KafkaSettings) -> Any:
    """Return Faust's form of the TLS and SASL settings; None for a plain connection."""
    context = kafka.tls.context()
    if kafka.sasl.mechanism and kafka.sasl.password:
        return faust.SASLCredentials(
            username=kafka.sasl.username,
            password=kafka.sasl.password.get_secret_value(),
            mechanism=kafka.sasl.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
