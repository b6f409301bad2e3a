"""Telling our own cancellation from one that leaks out of the Kafka client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiokafka.errors import KafkaConnectionError

_T = TypeVar("_T")


def cancelled_from_outside() -> bool:
    """Return whether somebody asked to cancel the current task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def answered(request: Awaitable[_T]) -> _T:
    """Await a request to the broker.

    aiokafka cancels the futures of open requests when it closes a connection. To whoever awaits one that looks like
    being cancelled, and would end a task that nobody wanted to end; here it becomes what it is.

    Raises:
        KafkaConnectionError: the client gave the request up; trying again can help.
    """
    try:
        return await request
    except asyncio.CancelledError:
        if cancelled_from_outside():
            raise
        raise KafkaConnectionError("the client closed the connection") from None
