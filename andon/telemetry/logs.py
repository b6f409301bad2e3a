"""Structured logs: one JSON object a line, with time, level, service and what the code binds (asset, trace id)."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
#: Libraries whose info level tells of every poll, start and metadata refresh.
_CHATTY = ("aiokafka", "faust", "mode", "aiohttp")


def configure_logs(service: str, *, level: str = "info", form: Literal["json", "console"] = "json") -> None:
    """Send all logs, those of libraries too, to stderr in one form.

    Args:
        service: bound to every line.
        level: lowest level that is written.
        form: `json` for machines, `console` for people.
    """
    rendering: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    handler.addFilter(_worth_reading)
    structlog.contextvars.bind_contextvars(service=service)


def _worth_reading(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.split(".")[0] not in _CHATTY


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; bind what a line is about (`asset`, `traceparent`) as keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
