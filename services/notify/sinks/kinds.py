"""A sink's configuration -> the sink."""

from __future__ import annotations

from andon.plant import Plant
from services.notify.config import AnySinkConfig, MqttSinkConfig, WebhookConfig
from services.notify.sinks.log import LogSink
from services.notify.sinks.mqtt import MqttSink
from services.notify.sinks.sink import Sink
from services.notify.sinks.webhook import WebhookSink


def make_sink(config: AnySinkConfig, plant: Plant) -> Sink:
    """Return a sink that is not open yet.

    Raises:
        ConfigError: a secret or certificate cannot be used.
    """
    match config:
        case WebhookConfig():
            return WebhookSink(config)
        case MqttSinkConfig():
            return MqttSink(config, plant)
        case _:
            return LogSink()
