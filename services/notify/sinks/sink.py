"""What every sink can do."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from services.notify.answer import Answer
from services.notify.notification import Notification


class Sink(AbstractAsyncContextManager["Sink"], Protocol):
    """Takes notifications while it is open, which is the length of an `async with` block."""

    async def deliver(self, notification: Notification) -> Answer:
        """Return what the sink says. Safe to repeat; takes its time limit at most."""
        ...
