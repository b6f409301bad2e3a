"""Consumer groups of services that put records somewhere else than on the bus, and commit them behind that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from andon.clock import MILLISECOND
from andon.settings import KafkaSettings
from andon.stream.pieces import read_in_pieces

#: See `andon.stream.faust_app`.
_FETCH_BYTES = 2 * 1_048_576
#: Reading stands still while what takes the records is away, for as long as that takes.
_MAX_POLL_INTERVAL_MS = 600_000

Rebalanced = Callable[[Collection[TopicPartition]], Awaitable[None]]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types that mypy can use
    """Passes on what is revoked and what is assigned."""

    def __init__(self, revoked: Rebalanced, assigned: Rebalanced) -> None:
        self._revoked, self._assigned = revoked, assigned

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Pass on what is revoked, before others get it."""
        await self._revoked(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Pass on what is assigned, before it is read."""
        await self._assigned(assigned)


def group_consumer(kafka: KafkaSettings, group: str) -> AIOKafkaConsumer:
    """Return a consumer that commits nothing by itself and begins where the group has committed."""
    read_in_pieces()
    return AIOKafkaConsumer(
        **kafka.client_arguments(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # A partition number of all topics goes to one worker, so that raw and backfill of an asset are merged by one.
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=kafka.session_timeout // MILLISECOND,
        heartbeat_interval_ms=kafka.session_timeout // MILLISECOND // 4,
        rebalance_timeout_ms=kafka.rebalance_timeout // MILLISECOND,
        max_poll_interval_ms=_MAX_POLL_INTERVAL_MS,
        fetch_max_wait_ms=kafka.fetch_max_wait // MILLISECOND,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
