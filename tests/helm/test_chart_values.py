"""Every value is documented, has a default, and makes a difference."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as Folder
from typing import Any

import pytest
import yaml

from tests.helm.chart import (
    BY_HAND,
    CHART,
    ISSUED,
    OPERATORS,
    SCHEMA,
    VALUES,
    Case,
    merged,
    of_kind,
    rendered,
    template,
)

pytestmark = pytest.mark.chart

Path = tuple[str, ...]
#: Another value for each kind of text.
OTHERS = {"name": "other", "duration": "7m", "quantity": "7Gi", "texts": {"x.y/z": "other"}, "files": {"other": "text"}}
SPECIAL: dict[Path, Any] = {
    ("image", "pullSecrets"): [{"name": "other"}],
    ("kafka", "bootstrapServers"): "other:9092",
    ("telemetry", "traces"): "other:4317",
    ("networkPolicy", "extraEgress"): [{"ports": [{"port": 99}]}],
    ("externalSecrets", "secrets"): {"other": {"a": {"key": "b"}}},
    ("strimzi", "topicConfig"): {"other": "1"},
    ("defaults", "env"): {"ANDON_OTHER": "1"},
    ("defaults", "secrets"): {"ANDON_OTHER": {"name": "other", "key": "key"}},
    ("defaults", "tolerations"): [{"key": "other"}],
    ("defaults", "affinity"): {"nodeAffinity": {}},
    ("defaults", "storage", "accessModes"): ["ReadWriteOncePod"],
    ("lake", "accessModes"): ["ReadWriteOncePod"],
}


def node_of(node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of what a node refers to, and the node with it."""
    name = node.get("$ref", "").rpartition("/")[2]
    return name, {**SCHEMA["$defs"].get(name, {}), **node}


def leaves(node: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    name, node = node_of(node)
    if "properties" not in node or name in OTHERS:
        yield path, name, node
        return
    for key, inner in node["properties"].items():
        if (*path, key) != ("services",):
            yield from leaves(inner, (*path, key))


LEAVES = {path: (name, node) for path, name, node in leaves(SCHEMA)}


def at(values: Any, path: Path) -> Any:
    for key in path:
        values = values[key]
    return values


def other(path: Path) -> Any:
    """Return a value that is allowed, and none that a case has."""
    name, node = LEAVES[path]
    if path in SPECIAL or name in OTHERS:
        return SPECIAL.get(path, OTHERS.get(name))
    if "enum" in node:
        return [value for value in node["enum"] if value != at(VALUES, path)][-1]
    if node["type"] == "boolean":
        return not at(VALUES, path)
    if node["type"] == "integer":
        return at(VALUES, path) + 1
    if node["type"] == "array":
        items = node["items"]
        return [9999] if items.get("type") == "integer" else ["10.99.0.0/16"] if "cidrs" in path else ["other"]
    return "other"


def nested(path: Path, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def outcome(one: Case, values: dict[str, Any]) -> str:
    result = template(one.profile, merged(one.values, values))
    return result.stdout or result.stderr


def missing_files() -> set[Path]:
    """Return the switches of what is not in this chart; `test_rules_and_dashboards_...` shows that they work."""
    return {("monitoring", name) for name in ("rules", "dashboards") if not list((CHART / name).glob("*"))}


def test_every_value_makes_a_difference() -> None:
    """Each, when it is another one, changes what is rendered in one of three cases, or is refused in words."""
    cases = (OPERATORS, BY_HAND, ISSUED)
    usual = {one: outcome(one, {}) for one in cases}

    def matters(path: Path) -> bool:
        for one in cases:
            known = one.values
            value = other(path)
            try:
                if at(known, path) == value:
                    value = at(VALUES, path)
            except (KeyError, TypeError):
                pass
            found = outcome(one, nested(path, value))
            assert "don't meet the specifications" not in found, (path, found)
            if found != usual[one]:
                return True
        return False

    paths = [path for path in LEAVES if path[:2] not in missing_files()]
    with ThreadPoolExecutor(2) as pool:
        idle = [path for path, counts in zip(paths, pool.map(matters, paths), strict=True) if not counts]
    assert idle == []


def described(node: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    _, node = node_of(node)
    if path and not node.get("description"):
        yield path
    for key, inner in node.get("properties", {}).items():
        yield from described(inner, (*path, key))


def test_every_value_is_documented() -> None:
    assert list(described(SCHEMA)) == []


def test_every_value_has_a_default_and_every_default_is_a_value() -> None:
    def defaults(values: Any, path: Path = ()) -> Iterator[Path]:
        if isinstance(values, dict) and path not in LEAVES:
            for key, inner in values.items():
                yield from defaults(inner, (*path, key))
        else:
            yield path

    assert {path for path in defaults(VALUES) if path[0] != "services"} == LEAVES.keys()


def test_what_is_written_at_a_service_counts_for_it_alone() -> None:
    one = rendered(BY_HAND)
    limits = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["template"]["spec"]["containers"][0]
        for each in one
        if each["kind"] == "Deployment"
    }
    assert limits["feature"]["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}, "merged with the defaults"
    assert limits["alert"]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}


def test_rules_and_dashboards_go_to_the_cluster_as_they_are(tmp_path: Folder) -> None:
    chart = shutil.copytree(CHART, tmp_path / "andon")
    rules = {
        "groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up == 0", "annotations": {"a": "{{ $value }}"}}]}]
    }
    board = '{"title": "Pipeline", "legend": "{{ service }}"}'
    for folder, name, text in (("rules", "andon.yaml", yaml.safe_dump(rules)), ("dashboards", "pipeline.json", board)):
        (chart / folder).mkdir(exist_ok=True)
        (chart / folder / name).write_text(text)
    manifests = tuple(filter(None, yaml.safe_load_all(template(OPERATORS.profile, OPERATORS.values, chart).stdout)))
    (rule,) = of_kind(manifests, "PrometheusRule").values()
    assert rule["spec"] == rules
    made = of_kind(manifests, "ConfigMap")["site-andon-dashboard-pipeline"]
    assert made["data"] == {"pipeline.json": board}
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
