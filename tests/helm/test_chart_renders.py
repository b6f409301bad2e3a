"""The chart renders with every profile and switch to what Kubernetes and the operators take, and refuses the rest."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helm.chart import (
    BY_HAND,
    CASES,
    CHART,
    LEAST,
    OPERATORS,
    PROFILES,
    Case,
    Manifest,
    case,
    helm,
    merged,
    rendered,
    template,
)
from tests.helm.kubernetes import custom_findings, findings, is_kubernetes

pytestmark = pytest.mark.chart


def distinct(manifests: Iterator[Manifest]) -> list[Manifest]:
    return [json.loads(text) for text in sorted({json.dumps(each, sort_keys=True) for each in manifests})]


def of_all_cases() -> Iterator[Manifest]:
    return (manifest for one in CASES for manifest in rendered(one))


def test_every_manifest_is_valid() -> None:
    own = [each for each in distinct(of_all_cases()) if is_kubernetes(each) or "strimzi" in each["apiVersion"]]
    wrong = {f"{each['kind']}/{each['metadata']['name']}": found for each in own if (found := findings(each))}
    assert wrong == {}
    assert {each["kind"] for each in own} >= {"Deployment", "StatefulSet", "NetworkPolicy", "KafkaTopic", "KafkaUser"}


def test_every_custom_resource_is_valid() -> None:
    custom = [
        each for each in distinct(of_all_cases()) if not is_kubernetes(each) and "strimzi" not in each["apiVersion"]
    ]
    wrong = {
        f"{each['kind']}/{each['metadata']['name']}": found
        for each, found in zip(custom, custom_findings(custom), strict=True)
        if found
    }
    assert wrong == {}
    assert {each["kind"] for each in custom} >= {"Certificate", "ExternalSecret", "ScaledObject", "ServiceMonitor"}


def test_the_checks_find_what_is_wrong() -> None:
    manifests = rendered(OPERATORS)
    deployment = next(each for each in manifests if each["kind"] == "Deployment")
    assert findings(merged(deployment, {"spec": {"replicaz": 1}}))
    topic = next(each for each in manifests if each["kind"] == "KafkaTopic")
    assert findings(merged(topic, {"spec": {"partitions": 0}}))
    scaled = next(each for each in manifests if each["kind"] == "ScaledObject")
    (found,) = custom_findings([merged(scaled, {"spec": {"maxReplicas": 3}})])
    assert "maxReplicas" in found


@pytest.mark.parametrize(
    "one", [*(case("nothing", profile=profile) for profile in PROFILES), OPERATORS, BY_HAND], ids=str
)
def test_helm_finds_nothing_to_complain_about(one: Case) -> None:
    files = [] if one.profile == "default" else ["--values", str(CHART / f"values-{one.profile}.yaml")]
    command = [helm(), "lint", "--strict", str(CHART), *files, "--values", "-"]
    result = subprocess.run(command, input=one.text, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_two_objects_have_one_name() -> None:
    for one in CASES:
        names = [(each["kind"], each["metadata"]["name"]) for each in rendered(one)]
        assert len(names) == len(set(names)), one


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kafak": {}}, "additional properties 'kafak' not allowed"),
        ({"kafka": {"partition": 3}}, "additional properties 'partition' not allowed"),
        ({"kafka": {"partitions": 0}}, "minimum: got 0, want 1"),
        ({"kafka": {"bootstrapServers": "kafka"}}, "'kafka' does not match pattern"),
        ({"services": {"histroian": {}}}, "invalid propertyName 'histroian'"),
        ({"services": {"context": {"replica": 2}}}, "additional properties 'replica' not allowed"),
        ({"services": {"context": {"env": {"POLL": "1"}}}}, "invalid propertyName 'POLL'"),
        ({"services": {"context": {"env": {"ANDON_X__DSN": "x"}}}}, "invalid propertyName 'ANDON_X__DSN'"),
        ({"defaults": {"autoscaling": {"kind": "lag"}}}, "value must be one of"),
        ({"networkPolicy": {"conduits": {"ot": {"cidrs": ["10.20.0.0"]}}}}, "does not match pattern"),
        ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers: name the brokers"),
        ({"plant": {"existingConfigMap": "x"}}, "plant: give either model"),
        ({"plant": {"model": ""}}, "plant: give either model"),
        ({"database": {"secret": {"name": ""}}}, "database.secret.name: historian needs a database"),
        ({"services": {"ingest-2": {}}}, "services.ingest-2: needs sources.yaml"),
        ({"services": {"oee": {"replicas": 2}}}, "services.oee.replicas: a second one would do the same work again"),
        ({"services": {"feature": {"replicas": 9}}}, "more than kafka.partitions (8) have nothing to do"),
        ({"services": {"drift": {"enabled": True}}}, "services.registry.enabled: drift takes its models"),
        ({"services": {"registry": {"enabled": True}}}, "models: needs trust.yaml"),
        ({"services": {"trainer": {"enabled": True}}}, "models.trainerKey.name: "),
        ({"defaults": {"autoscaling": {"kind": "keda"}}}, "keda.prometheus: "),
        ({"kafka": {"authentication": {"type": "tls"}}}, "kafka.tls.enabled: certificates need TLS"),
        ({"kafka": {"authentication": {"type": "plain"}}}, "kafka.authentication.secret: name the Secret"),
        ({"kafka": {"authentication": {"type": "plain", "source": "strimzi"}}}, "strimzi.users: must be on"),
        ({"kafka": {"authentication": {"type": "plain", "source": "certManager"}}}, "so it must be tls"),
        ({"strimzi": {"topics": True}}, "strimzi.cluster: name the Kafka resource"),
        ({"networkPolicy": {"conduits": {"ot": {"cidrs": []}}}}, "networkPolicy.conduits.ot: name the network"),
        ({"alertApi": {"enabled": True}}, "alertApi.token.name: "),
        ({"externalSecrets": {"enabled": True}}, "externalSecrets.store.name: "),
    ],
)  # fmt: skip
def test_values_that_are_unknown_or_do_not_go_together_are_refused(values: dict[str, Any], complaint: str) -> None:
    result = template("default", merged(LEAST, values))
    assert result.returncode != 0
    assert complaint in result.stderr


def test_all_that_is_wrong_is_said_at_once() -> None:
    complaints = template("default", {}).stderr
    for name in (
        "kafka.bootstrapServers",
        "plant",
        "database.secret.name",
        "services.ingest",
        "networkPolicy.conduits.ot",
    ):
        assert f"- {name}:" in complaints
