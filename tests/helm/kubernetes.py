"""Checks manifests against the schemas of Kubernetes, of other projects' custom resources, and of Strimzi's."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from tests.helm.chart import Manifest
from tests.helm.strimzi import SCHEMAS

#: The oldest version that the chart is for, and the newest that is known.
VERSIONS = ("1.30.0", "1.37.0")
_CUSTOM = Path(__file__).parents[2] / "helm" / "schemas"
#: As the schemas of one version name what they share.
_DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
_OWN = re.compile(r"(^|\.k8s\.io/|^apps/|^batch/|^policy/|^autoscaling/)v\d\w*$")


@functools.cache
def _definitions(version: str) -> tuple[Any, Registry]:
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    text = (folder / "_definitions.json").read_text()
    return folder, Registry([(_DEFINITIONS, json.loads(text))], draft=Draft202012)


@functools.cache
def _validator(version: str, api: str, kind: str) -> Draft202012Validator:
    folder, registry = _definitions(version)
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)  # rbac.authorization.k8s.io/v1 lies at rbac-v1
    schema = json.loads((folder / f"{kind.lower()}-{group}.json").read_text())
    return Draft202012Validator(schema, registry=registry)


def is_kubernetes(manifest: Manifest) -> bool:
    """Return whether a manifest is of Kubernetes itself."""
    return bool(_OWN.search(manifest["apiVersion"])) and "cert-manager" not in manifest["apiVersion"]


def findings(manifest: Manifest) -> list[str]:
    """Return what is wrong with a manifest of Kubernetes itself, or of Strimzi; unknown fields are wrong."""
    api, kind = manifest["apiVersion"], manifest["kind"]
    if api.startswith("kafka.strimzi.io/"):
        validators = [Draft202012Validator(SCHEMAS[kind])]
    else:
        validators = [_validator(version, api, kind) for version in VERSIONS]
    return [f"{error.instance_path}: {error.message}" for each in validators for error in each.iter_errors(manifest)]


def custom_findings(manifests: list[Manifest]) -> list[str]:
    """Return what is wrong with each manifest of a custom resource; an empty text where nothing is."""
    assert (_CUSTOM / "node_modules").is_dir(), "run `make helm-test`, which installs the schemas of custom resources"
    command = ["node", str(_CUSTOM / "check.mjs")]
    answer = subprocess.run(command, input=json.dumps(manifests), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    found: list[str] = json.loads(answer.stdout)
    return found
