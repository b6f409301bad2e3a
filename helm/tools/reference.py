"""``python -m helm.tools.reference``: writes what the chart takes from elsewhere: catalogue.yaml and README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from andon.contracts import CATALOGUE
from andon.stream.topics import topic_config

CHART = Path(__file__).parents[1] / "andon"

_INTRODUCTION = """# The chart `andon`

Runs Andon on Kubernetes 1.30 or newer, beside a Kafka and a PostgreSQL that are there already. How to install,
upgrade, roll back and scale it is in [docs/operations.md](../../docs/operations.md). A value that is not in this table
is refused, and so are values that do not go together.

This page is made by `make chart`.

| profile | for |
| --- | --- |
| `values-dev.yaml` | one node, no database, no network policies: to try it |
| `values-edge.yaml` | one node beside the machines, on small hardware |
| `values-plant.yaml` | a plant's cluster: replicas, autoscaling, registry, monitoring |
"""

_CATALOGUE = "# Made by `make chart` from andon/contracts/catalogue.py: configuration and writers of each topic.\n"


def catalogue() -> str:
    """Return the topics of a site as YAML: stage to Kafka's configuration, and the services that write to it."""
    topics = {
        stage.value: {"config": topic_config(spec), "producers": list(spec.producers)}
        for stage, spec in CATALOGUE.items()
    }
    return _CATALOGUE + yaml.safe_dump(topics, sort_keys=False)


def reference(schema: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the chart's page: every value of *schema* with its default and meaning."""
    parts = [_INTRODUCTION]
    single = [name for name in schema["properties"] if not isinstance(values.get(name), dict)]
    parts.append(_table("General", "", [row for name in single for row in _rows(schema, values, (name,))]))
    for name, node in schema["properties"].items():
        if name not in single:
            parts.append(_table(f"`{name}`", node.get("description", ""), list(_rows(schema, values, (name,)))[1:]))
    return "\n".join(parts)


def _table(title: str, text: str, rows: list[str]) -> str:
    head = f"## {title}\n" + (f"\n{text}\n" if text else "")
    return "\n".join([head, "| value | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _rows(schema: Mapping[str, Any], values: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the row of the value at *path*, and those of the values in it."""
    node, default = _node(schema, path), _default(values, path)
    inner = node.get("properties", {})
    own_keys = path == ("services",)
    shown = "" if inner else f"`{json.dumps(default)}`"
    if own_keys:
        shown = ", ".join(f"`{name}`" for name in values["services"])
    yield f"| `{'.'.join(path)}` | {shown.replace('|', chr(92) + '|')} | {node.get('description', '')} |"
    if own_keys:
        yield from (_own_row(name, its) for name, its in values["services"].items() if its)
    for name in inner:
        yield from _rows(schema, values, (*path, name))


def _own_row(name: str, its: Mapping[str, Any]) -> str:
    return f"| `services.{name}` | `{json.dumps(its)}` | |"


def _node(schema: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return what the schema says of a value, references followed; its own description is the one that counts."""
    node: dict[str, Any] = dict(schema)
    for name in path:
        node = node["properties"][name]
        if "$ref" in node:
            target = schema["$defs"][node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _default(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def written() -> dict[Path, str]:
    """Return each file that is made, and its text."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return {CHART / "catalogue.yaml": catalogue(), CHART / "README.md": reference(schema, values)}


if __name__ == "__main__":
    for file, text in written().items():
        file.write_text(text, encoding="utf-8")
