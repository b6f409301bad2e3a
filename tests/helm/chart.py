"""What the tests of the chart share: cases (values that go together) and their manifests, rendered once each."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "andon"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
MODULES: dict[str, Any] = yaml.safe_load((CHART / "modules.yaml").read_text())
NAMESPACE = "plant"
OT, DATABASE_AT = "10.20.0.0/16", "10.9.0.0/24"

Manifest = dict[str, Any]
Values = Mapping[str, Any]

#: The least that must be given.
LEAST: Values = {
    "kafka": {"bootstrapServers": "kafka.kafka.svc:9093"},
    "plant": {"model": "enterprise: acme\nsite: north\n"},
    "database": {"secret": {"name": "andon-database"}},
    "networkPolicy": {"conduits": {"ot": {"cidrs": [OT]}}},
    "services": {"ingest": {"files": {"sources.yaml": "sources: []"}}},
}
_MODELS: Values = {
    "models": {"files": {"trust.yaml": "keys: []"}, "trainerKey": {"name": "trainer"}},
    "services": {
        **{name: {"enabled": True} for name in ("drift", "trainer")},
        "registry": {"enabled": True, "files": {"access.yaml": "identities: []"}},
    },
}
_ISSUED: Values = {"certManager": {"enabled": True, "issuer": {"name": "plant-ca"}}}
_STRIMZI: Values = {"strimzi": {"topics": True, "users": True, "cluster": "north"}}

#: Switches, alone and together.
SWITCHES: dict[str, Values] = {
    "nothing": {},
    "kafka-tls": {
        "kafka": {
            "tls": {"enabled": True, "caSecret": {"name": "kafka-ca"}},
            "authentication": {"type": "tls", "secret": "kafka-client"},
        }
    },
    "kafka-password": {
        "kafka": {"authentication": {"type": "scram-sha-256", "secret": "kafka-user", "username": "andon"}}
    },
    "strimzi-tls": {
        **_STRIMZI,
        "kafka": {
            "tls": {"enabled": True, "caSecret": {"name": "north-cluster-ca-cert"}},
            "authentication": {"type": "tls", "source": "strimzi"},
        },
    },
    "strimzi-password": {**_STRIMZI, "kafka": {"authentication": {"type": "scram-sha-512", "source": "strimzi"}}},
    "cert-manager": {
        "certManager": {"kafkaIssuer": {"name": "kafka-clients", "kind": "Issuer"}},
        "kafka": {"tls": {"enabled": True}, "authentication": {"type": "tls", "source": "certManager"}},
    },
    "external-secrets": {
        "externalSecrets": {
            "enabled": True,
            "store": {"name": "vault"},
            "secrets": {
                "andon-database": {"dsn": {"key": "plant/andon", "property": "dsn"}},
                "andon-database-owner": {"dsn": {"key": "plant/andon-owner"}},
                "db-ca": {"ca.crt": {"key": "plant/db-ca"}},
            },
        }
    },
    "api": {
        "alertApi": {"enabled": True, "token": {"name": "andon-alert-api"}},
        "networkPolicy": {"peopleNamespaces": ["ingress"]},
    },
    "hpa": {"defaults": {"autoscaling": {"kind": "hpa"}}},
    "keda": {"defaults": {"autoscaling": {"kind": "keda"}}, "keda": {"prometheus": "http://prometheus:9090"}},
    "no-network-policies": {"networkPolicy": {"enabled": False}},
    "further-ingest": {
        "services": {"ingest-line-2": {"files": {"sources.yaml": "sources: []"}, "secretFiles": ["line-2-password"]}}
    },
    "monitoring": {
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "rules": {"enabled": True},
            "dashboards": {"enabled": True},
        },
        "telemetry": {"traces": "collector.tracing:4317"},
    },
    "mes-and-probe": {
        "services": {"mes": {"enabled": True, "existingConfigMap": "mes-mapping"}},
        "probe": {"asset": "test/probe"},
    },
    "database-tls": {
        "database": {
            "tls": {"enabled": True, "caSecret": {"name": "db-ca"}},
            "migration": {"secret": {"name": "andon-database-owner"}},
        }
    },
}
PROFILES = ("default", "dev", "edge", "plant")


@dataclass(frozen=True)
class Case:
    """A profile with values on top."""

    profile: str
    name: str
    text: str  # the values as JSON, so that cases can be told apart

    @property
    def values(self) -> dict[str, Any]:
        """Return what is given on top of the profile."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def __str__(self) -> str:
        return f"{self.profile}-{self.name}"


def case(name: str, *values: Values, profile: str = "default") -> Case:
    """Return a case: a profile, the least values that it needs, and *values*."""
    given = [LEAST, *([_MODELS, _ISSUED] if profile == "plant" else []), *values]
    together: dict[str, Any] = {}
    for each in given:
        together = merged(together, each)
    return Case(profile, name, json.dumps(together, sort_keys=True))


def merged(one: Values, other: Values) -> dict[str, Any]:
    """Return *one* with what *other* says on top, as Helm does it."""
    result = dict(one)
    for key, value in other.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


#: All that can be switched on together, with operators that make secrets, and with secrets made by hand.
OPERATORS = case(
    "operators",
    *(SWITCHES[name] for name in ("strimzi-tls", "external-secrets", "api", "keda", "monitoring", "mes-and-probe")),
    SWITCHES["database-tls"],
    {
        "plant": {"model": "", "existingConfigMap": "plant"},
        "strimzi": {"site": {"enterprise": "acme", "name": "north"}},
        "lake": {"existingClaim": "lake"},
        "models": {"existingConfigMap": "models"},
    },
    profile="plant",
)
BY_HAND = case(
    "by-hand",
    _MODELS,
    *(SWITCHES[name] for name in ("kafka-password", "api", "hpa", "further-ingest")),
    {
        "models": {"serverSecret": "registry-tls", "clientSecret": "client-tls"},
        "alertApi": {"serverSecret": "api-tls"},
        "priorityClasses": {"create": True},
        "services": {"registry": {"secrets": {"ANDON_REGISTRY__TLS__KEY_PASSWORD": {"name": "k", "key": "p"}}}},
    },
)
#: Certificates of cert-manager for everybody.
ISSUED = case("issued", SWITCHES["cert-manager"], profile="plant")
CASES = (
    *(case(name, values, profile=profile) for profile in PROFILES for name, values in SWITCHES.items()),
    OPERATORS,
    BY_HAND,
)


@functools.cache
def helm() -> str:
    """Return the path of Helm: beside this Python, where `make helm-test` puts it, or on PATH."""
    own = Path(sys.prefix) / "tools" / "helm"
    found = str(own) if own.exists() else shutil.which("helm")
    if found is None:
        raise FileNotFoundError("no helm: run `make helm-test`, which gets it")
    return found


def template(profile: str, values: Values, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    """Render the chart."""
    files = [] if profile == "default" else ["--values", str(CHART / f"values-{profile}.yaml")]
    command = [helm(), "template", "site", str(chart), "--namespace", NAMESPACE, *files, "--values", "-"]
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)


@functools.cache
def rendered(one: Case) -> tuple[Manifest, ...]:
    """Return the manifests of a case."""
    result = template(one.profile, one.values)
    assert result.returncode == 0, f"{one}: {result.stderr}"
    return tuple(each for each in yaml.load_all(result.stdout, yaml.CSafeLoader) if each)


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> dict[str, Manifest]:
    """Return manifests of some kinds, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def pods(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield each pod: its component, metadata and spec."""
    for each in manifests:
        if each["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = each["spec"]["template"]
        elif each["kind"] == "Pod":
            template = each
        else:
            continue
        yield template["metadata"]["labels"]["app.kubernetes.io/component"], template["metadata"], template["spec"]


def services(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    """Return the pod specs of services, by name."""
    jobs = MODULES["jobs"]
    return {name: spec for name, _, spec in pods(manifests) if name not in jobs}


def environment(spec: Manifest) -> dict[str, str]:
    """Return the variables of a pod's container."""
    (container,) = spec["containers"]
    return {each["name"]: each["value"] for each in container["env"]}
