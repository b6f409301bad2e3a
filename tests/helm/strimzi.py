"""The shape of Strimzi's KafkaTopic and KafkaUser (API version v1), as far as the chart uses them.

No package carries their schemas, so these are written after Strimzi's documentation of both resources; anything that
is not named here is an error.
"""

from __future__ import annotations

from typing import Any


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_NAME = {"type": "string", "minLength": 1}
_METADATA = {
    "type": "object",
    "required": ["name", "namespace", "labels"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
        "labels": {"required": ["strimzi.io/cluster"], "properties": {"strimzi.io/cluster": _NAME}},
    },
}
_OPERATIONS = ["Read", "Write", "Create", "Delete", "Alter", "Describe", "DescribeConfigs", "AlterConfigs", "All"]
_ACL = _closed(
    ["resource", "operations"],
    resource=_closed(
        ["type", "name", "patternType"],
        type={"enum": ["topic", "group"]},
        name=_NAME,
        patternType={"enum": ["literal", "prefix"]},
    ),
    operations={"type": "array", "minItems": 1, "items": {"enum": _OPERATIONS}},
)
_API = {"const": "kafka.strimzi.io/v1"}

SCHEMAS: dict[str, dict[str, Any]] = {
    "KafkaTopic": _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion=_API,
        kind={"const": "KafkaTopic"},
        metadata=_METADATA,
        spec=_closed(
            ["topicName", "partitions", "replicas", "config"],
            topicName={"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 249},
            partitions={"type": "integer", "minimum": 1},
            replicas={"type": "integer", "minimum": 1, "maximum": 32767},
            config={"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}},
        ),
    ),
    "KafkaUser": _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion=_API,
        kind={"const": "KafkaUser"},
        metadata=_METADATA,
        spec=_closed(
            ["authorization"],
            authentication=_closed(["type"], type={"enum": ["tls", "tls-external", "scram-sha-512"]}),
            authorization=_closed(
                ["type", "acls"], type={"const": "simple"}, acls={"type": "array", "minItems": 1, "items": _ACL}
            ),
        ),
    ),
}
