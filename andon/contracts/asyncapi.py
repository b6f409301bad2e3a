"""The bus as an AsyncAPI 3.0 document: channels, who sends and receives on them, messages, Kafka bindings."""

from __future__ import annotations

from typing import Any

from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.catalogue import CATALOGUE, TopicSpec
from andon.contracts.headers import CONTRACT_HEADER, Headers
from andon.contracts.schemas import example, key_schema, shared_schemas
from andon.uns.names import DEFAULT_PREFIX, VERSION

#: Version of AsyncAPI's Kafka bindings.
_BINDING = "0.5.0"

_DESCRIPTION = """\
Everything that Andon puts on a site's Kafka topics, from raw sensor data to alerts.

One topic a stage and site; records of an asset share a partition, in order. Delivery is at least once and ids are
deterministic: a reader that keys on `id` and keeps the highest `revision` counts every event once. Fields may be
added within a version; ignore those you do not know."""

_PARAMETERS = {
    "prefix": {"description": "First segment of every topic of the plant.", "default": DEFAULT_PREFIX},
    "enterprise": {"description": "The enterprise, [a-z0-9-]+.", "examples": ["acme"]},
    "site": {"description": "The site, [a-z0-9-]+.", "examples": ["north"]},
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document; all of its references resolve within it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Andon",
            "version": CONTRACT_VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"site": _server()},
        "channels": {spec.stage.value: _channel(spec) for spec in CATALOGUE.values()},
        "operations": {name: body for spec in CATALOGUE.values() for name, body in _operations(spec).items()},
        "components": {
            "messages": {spec.stage.value: _message(spec) for spec in CATALOGUE.values()},
            "parameters": _PARAMETERS,
            "schemas": _schemas(),
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "The site's broker.",
        "variables": {
            "bootstrap": {"default": "localhost:9092", "description": "As in ANDON_KAFKA__BOOTSTRAP_SERVERS."}
        },
    }


def _channel(spec: TopicSpec) -> dict[str, Any]:
    event = spec.event.__name__
    return {
        "address": f"{{prefix}}.{VERSION}.{{enterprise}}.{{site}}.{spec.stage}",
        "title": spec.stage.value,
        "description": spec.description,
        "messages": {event: {"$ref": f"#/components/messages/{spec.stage}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS},
        "bindings": {"kafka": {"topicConfiguration": _topic_configuration(spec), "bindingVersion": _BINDING}},
    }


def _topic_configuration(spec: TopicSpec) -> dict[str, Any]:
    return {
        "cleanup.policy": ["delete"],
        "retention.ms": -1 if spec.retention_s is None else spec.retention_s * 1_000,
        "max.message.bytes": spec.max_message_bytes,
    }


def _operations(spec: TopicSpec) -> dict[str, Any]:
    sends = {f"{service}-sends-{spec.stage}": _operation(spec, "send", service) for service in spec.producers}
    receives = {f"{service}-receives-{spec.stage}": _operation(spec, "receive", service) for service in spec.consumers}
    return sends | receives


def _operation(spec: TopicSpec, action: str, service: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{spec.stage}"},
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{spec.stage}/messages/{spec.event.__name__}"}],
    }


def _message(spec: TopicSpec) -> dict[str, Any]:
    event = spec.event.__name__
    return {
        "name": event,
        "title": event,
        "summary": spec.description,
        "headers": {"$ref": f"#/components/schemas/{Headers.__name__}"},
        "payload": {"$ref": f"#/components/schemas/{event}"},
        "bindings": {"kafka": {"key": key_schema(spec), "bindingVersion": _BINDING}},
        "examples": [{"headers": {CONTRACT_HEADER: CONTRACT_VERSION}, "payload": example(spec.event)}],
    }


def _schemas() -> dict[str, Any]:
    events = list(dict.fromkeys(spec.event for spec in CATALOGUE.values()))
    return shared_schemas([*events, Headers], ref_template="#/components/schemas/{model}")
