"""The log as a sink."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from andon.contracts.alerting import Severity
from andon.telemetry import get_logger
from services.notify.answer import Answer, Taken
from services.notify.notification import Notification

_log = get_logger(__name__)
_LEVELS: dict[Severity, int] = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


class LogSink:
    """Writes a line for each notification, at the level of its severity."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    async def deliver(self, notification: Notification) -> Answer:
        """Write it."""
        alert = notification.alert
        _log.log(
            _LEVELS[alert.severity],
            "alert",
            asset=alert.asset,
            state=alert.state,
            severity=alert.severity,
            message=alert.message,
            owner=alert.owner,
            id=alert.id,
            test=notification.test,
        )
        return Taken()
