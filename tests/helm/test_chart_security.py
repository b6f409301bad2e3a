"""No container is more than it must be, no secret lies in the open, and the network is drawn as zones and conduits."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.helm.chart import (
    CASES,
    DATABASE_AT,
    MODULES,
    NAMESPACE,
    OT,
    SWITCHES,
    Case,
    Manifest,
    case,
    environment,
    of_kind,
    pods,
    rendered,
    services,
)

pytestmark = pytest.mark.chart

#: A plant with everything, whose database and Kafka are named by their addresses.
DRAWN = case(
    "drawn",
    SWITCHES["api"],
    SWITCHES["mes-and-probe"],
    {
        "networkPolicy": {
            "conduits": {
                "database": {"cidrs": [DATABASE_AT]},
                "mes": {"cidrs": ["10.8.0.0/24"]},
                "notify": {"namespaces": ["tickets"]},
            }
        }
    },
    profile="plant",
)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_every_container_keeps_to_the_restricted_profile_within_limits(one: Case) -> None:
    for name, _, spec in pods(rendered(one)):
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] >= 10_000, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys(), name
        assert not any("hostPath" in volume for volume in spec["volumes"]), name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert (
                {"cpu", "memory"}
                == container["resources"]["limits"].keys()
                == container["resources"]["requests"].keys()
            )


@pytest.mark.parametrize("one", CASES, ids=str)
def test_no_secret_is_in_the_open(one: Case) -> None:
    manifests = rendered(one)
    assert of_kind(manifests, "Secret") == {}
    for name, _, spec in pods(manifests):
        open_ones = environment(spec)
        assert not [
            variable for variable in open_ones if variable.endswith(("PASSWORD", "TOKEN", "DSN", "AUTHORIZATION"))
        ]
        mount = next(each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "secrets")
        assert mount == {"name": "secrets", "mountPath": open_ones["ANDON_SECRETS_DIR"], "readOnly": True}, name


def test_what_is_secret_is_mounted_as_a_file_named_like_its_variable() -> None:
    specs = services(rendered(case("secrets", SWITCHES["kafka-password"], SWITCHES["api"])))
    assert files_of_secrets(specs["alert"]) == {
        "andon_alert__api__token": ("andon-alert-api", "token"),
        "andon_kafka__sasl__password": ("kafka-user", "password"),
    }
    assert files_of_secrets(specs["historian"])["andon_database__dsn"] == ("andon-database", "dsn")
    assert "andon_database__dsn" not in files_of_secrets(specs["feature"])


def files_of_secrets(spec: Manifest) -> dict[str, tuple[str, str]]:
    volume = next(each for each in spec["volumes"] if each["name"] == "secrets")
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }


def test_volumes_that_are_written_to_are_the_only_ones_that_can_be() -> None:
    for name, spec in services(rendered(DRAWN)).items():
        writable = {each["mountPath"] for each in spec["containers"][0]["volumeMounts"] if not each.get("readOnly")}
        facts = MODULES["services"][name]
        expected = {"/tmp"}
        expected |= {"/var/lib/andon"} if facts.get("storage") or facts.get("models") else set()
        expected |= {"/var/lib/andon/lake"} if facts.get("lake") == "write" else set()
        assert writable == expected, name


def selects(selector: Manifest, labels: Manifest) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


class Network:
    """Answers whether a pod may reach something, as Kubernetes would by the policies of a case."""

    def __init__(self, manifests: tuple[Manifest, ...]) -> None:
        self.labels = {name: metadata["labels"] for name, metadata, _ in pods(manifests)}
        self._policies = list(of_kind(manifests, "NetworkPolicy").values())

    def rules(self, pod: str, direction: str) -> list[Any]:
        """Return the rules of a direction that hold for a pod; it must be isolated in that direction."""
        mine = [each["spec"] for each in self._policies if selects(each["spec"]["podSelector"], self.labels[pod])]
        assert any(direction.title() in spec["policyTypes"] for spec in mine), f"{pod} is not isolated"
        return [rule for spec in mine for rule in spec.get(direction) or []]

    def address(self, pod: str, address: str, port: int) -> bool:
        """Return whether *pod* may reach an address outside."""
        return any(
            port in {each["port"] for each in rule["ports"]} and any(_covers(peer, address) for peer in rule["to"])
            for rule in self.rules(pod, "egress")
        )

    def pod(self, pod: str, other: str, port: int) -> bool:
        """Return whether *pod* may reach *other*: it may leave, and be let in."""
        way = (("egress", "to", pod, other), ("ingress", "from", other, pod))
        return all(
            any(
                port in {each["port"] for each in rule["ports"]} and any(self._is(peer, target) for peer in rule[side])
                for rule in self.rules(at, direction)
            )
            for direction, side, at, target in way
        )

    def _is(self, peer: Manifest, pod: str) -> bool:
        if "namespaceSelector" in peer:
            return selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": NAMESPACE})
        return "podSelector" in peer and selects(peer["podSelector"], self.labels[pod])


def _covers(peer: Manifest, address: str) -> bool:
    block = peer.get("ipBlock")
    return (
        block is not None
        and ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(hole) for hole in block.get("except", ()))
    )


PORTS = (53, 443, 1883, 4317, 4840, 5432, 8000, 8443, 8883, 9092, 9093, 9999)


def test_only_ingest_reaches_the_machines() -> None:
    network = Network(rendered(DRAWN))
    plc = str(ip_network(OT)[300])
    reached = {(pod, port) for pod in network.labels for port in PORTS if network.address(pod, plc, port)}
    assert reached == {("ingest", 4840), ("ingest", 8883)}


def test_only_who_needs_it_reaches_the_database_and_mes() -> None:
    network = Network(rendered(DRAWN))
    facts = MODULES["services"] | MODULES["jobs"]
    at = str(ip_network(DATABASE_AT)[5])
    assert {pod for pod in network.labels if network.address(pod, at, 5432)} == {
        pod for pod in network.labels if facts[pod].get("database")
    }
    assert {pod for pod in network.labels if network.address(pod, "10.8.0.9", 5432)} == {"mes"}


def test_nobody_reaches_a_neighbour_but_the_registrys_clients_the_registry() -> None:
    network = Network(rendered(DRAWN))
    ways = {
        (one, other, port)
        for one in network.labels
        for other in network.labels
        for port in PORTS
        if network.pod(one, other, port)
    }
    clients = [name for name in network.labels if MODULES["services"].get(name, {}).get("models")]
    assert ways == {(name, "registry", 8443) for name in clients}


def test_nobody_but_monitoring_and_people_comes_in() -> None:
    network = Network(rendered(DRAWN))
    doors: dict[tuple[str, int], set[str]] = {}
    for pod in network.labels:
        for rule in network.rules(pod, "ingress"):
            for peer in rule["from"]:
                if "namespaceSelector" in peer:
                    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                    doors.setdefault((pod, rule["ports"][0]["port"]), set()).add(namespace)
    watched = {name for name in network.labels if name not in MODULES["jobs"]}
    assert doors == {
        **{(name, 8000): {"monitoring"} for name in watched},
        ("alert", 8080): {"ingress"},
        ("registry", 8443): {"ingress"},
    }
