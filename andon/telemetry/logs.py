"""Structured logs: one JSON object a line, with time, level, service, logger and what the code binds (asset, trace id).

Tracebacks come without the values of variables: these hold passwords.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import Literal

import structlog

#: Libraries whose info level tells of every poll, start and metadata refresh.
_CHATTY = ("aiokafka", "faust", "mode", "aiohttp", "asyncua", "mqtt")


def configure_logs(service: str, *, level: str = "info", form: Literal["json", "console"] = "json") -> None:
    """Send all logs, those of libraries too, to stderr in one form.

    Args:
        service: bound to every line.
        level: lowest level that is written.
        form: `json` for machines, `console` for people.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _Named(service),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    handler.addFilter(_worth_reading)


@dataclass(frozen=True, slots=True)
class _Named:
    """Adds the service to every line; a context variable would not reach the lines of other threads."""

    service: str

    def __call__(self, _: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = self.service
        return event


def _rendering(form: Literal["json", "console"]) -> list[structlog.typing.Processor]:
    if form == "console":
        return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    as_fields = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(as_fields), structlog.processors.JSONRenderer()]


def _worth_reading(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in _CHATTY


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; bind what a line is about (`asset`, `traceparent`) as keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
