"""Metrics, health and logs, the same for every service."""

from andon.telemetry.health import Health, Progress, served
from andon.telemetry.logs import configure_logs, get_logger
from andon.telemetry.metrics import Metrics

__all__ = ["Health", "Metrics", "Progress", "configure_logs", "get_logger", "served"]
