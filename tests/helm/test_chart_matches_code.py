"""What the chart says of services, topics and settings is what their code says."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from andon.contracts import CATALOGUE
from andon.plant import Plant
from andon.settings import KafkaSettings, Settings, read_settings
from andon.settings_table import settings_of
from andon.stream.topics import changelog_name, group_name, topic_config, topic_name
from andon.telemetry.catalogue import CATALOGUE as METRICS
from andon.units import parse_duration
from helm.tools.reference import written
from sandbox.broker import free_port
from tests.helm.chart import (
    BY_HAND,
    CASES,
    MODULES,
    OPERATORS,
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
from tests.stream.bus import plant as small_plant

pytestmark = pytest.mark.chart

SERVICES = Path(__file__).parents[2] / "services"
#: Service to the module and name of its settings.
SETTINGS = {
    "ingest": ("services.ingest.__main__", "ServiceSettings"),
    "mes": ("services.mes.settings", "ServiceSettings"),
    "context": ("services.context.__main__", "ServiceSettings"),
    "feature": ("andon.settings", "Settings"),
    "parity": ("services.parity.__main__", "ServiceSettings"),
    "inference": ("services.inference.settings", "InferenceSettings"),
    "alert": ("services.alert.settings", "AlertSettings"),
    "notify": ("services.notify.settings", "ServiceSettings"),
    "historian": ("services.historian.settings", "ServiceSettings"),
    "oee": ("services.oee.__main__", "ServiceSettings"),
    "drift": ("services.drift.settings", "DriftSettings"),
    "trainer": ("services.trainer.settings", "ServiceSettings"),
    "registry": ("services.registry.settings", "ServiceSettings"),
}


def image_of(name: str) -> str:
    facts = MODULES["services"]
    module = name if name in facts else name.split("-")[0]
    return str(facts[module].get("image", module))


def settings_type(name: str) -> type[Settings] | None:
    """Return a service's class of settings; None while this version has no such service."""
    module, kind = SETTINGS[image_of(name)]
    if find_spec(module.rpartition(".")[0]) is None or find_spec(module) is None:
        return None
    found: type[Settings] = getattr(importlib.import_module(module), kind)
    return found


def code_of(image: str) -> str:
    return "\n".join(file.read_text() for file in sorted((SERVICES / image).rglob("*.py")))


@pytest.mark.parametrize("one", [*CASES[-2:], *(each for each in CASES if each.profile == "default")], ids=str)
def test_services_accept_the_settings_that_they_are_given(
    one: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, spec in services(rendered(one)).items():
        kind = settings_type(name)
        if kind is None:
            continue
        given = environment(spec)
        known = {setting.variable for setting in settings_of(kind)} | {"ANDON_SECRETS_DIR", "HOME"}
        common = {variable for variable in given if variable.startswith("ANDON_DATABASE__")}
        assert given.keys() - common <= known, name
        with monkeypatch.context() as patch:
            for variable in [each for each in os.environ if each.startswith("ANDON_")]:
                patch.delenv(variable)
            for variable, value in given.items():
                patch.setenv(variable, value)
            patch.setenv("ANDON_SECRETS_DIR", str(secrets_folder(spec, tmp_path / name)))
            read_settings(kind)


def secrets_folder(spec: Manifest, folder: Path) -> Path:
    """Return a folder with a file for each secret, as Kubernetes mounts them: links to a hidden folder."""
    hidden = folder / "..2026_01_01"
    hidden.mkdir(parents=True)
    (folder / "..data").symlink_to(hidden.name)
    volume = next(each for each in spec["volumes"] if each["name"] == "secrets")
    for source in volume.get("projected", {}).get("sources", ()):
        for item in source["secret"]["items"]:
            value = "postgresql://andon:x@db/andon" if item["path"].endswith("dsn") else "secret"
            (hidden / item["path"]).write_text(value)
            (folder / item["path"]).symlink_to(f"..data/{item['path']}")
    return folder


def test_every_service_of_the_code_is_in_the_chart() -> None:
    runnable = {file.parent.name for file in SERVICES.glob("*/__main__.py")}
    assert runnable <= {image_of(name) for name in MODULES["services"]}


def test_the_database_is_given_to_whose_code_uses_it() -> None:
    uses = re.compile(r"andon\.database|settings\.database")
    for name, facts in MODULES["services"].items():
        if (SERVICES / image_of(name) / "__main__.py").exists():
            commands_apart = "\n".join(
                file.read_text()
                for file in (SERVICES / image_of(name)).rglob("*.py")
                if not file.name.endswith("cli.py")
            )
            assert bool(facts.get("database")) == bool(uses.search(commands_apart)), name


def test_state_and_models_are_as_the_code_has_them() -> None:
    for name, facts in MODULES["services"].items():
        if (SERVICES / image_of(name) / "__main__.py").exists():
            code = code_of(image_of(name))
            assert bool(facts.get("changelog")) == ("stateful=True" in code), name
            assert bool(facts.get("models")) == ("ModelSettings" in code), name


def test_ports_and_probes_are_those_that_the_settings_name() -> None:
    for one in (OPERATORS, BY_HAND):
        for name, spec in services(rendered(one)).items():
            (container,) = spec["containers"]
            ports = {each["name"]: each["containerPort"] for each in container["ports"]}
            given = environment(spec)
            variables = {"api": "ANDON_ALERT__API__PORT", "grpc": "ANDON_REGISTRY__PORT"}
            assert ports.pop("metrics") == int(given["ANDON_TELEMETRY__PORT"])
            assert {port: int(given[variables[port]]) for port in ports} == ports, name
            probes = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
            assert {probe["port"] for probe in probes.values()} == {"metrics"}
            exposed = of_kind(rendered(one), "Service")[f"site-andon-{name}"]["spec"]["ports"]
            assert {each["name"]: each["port"] for each in exposed} == ports | {"metrics": 8000}


def test_a_pod_is_given_longer_than_its_worker_takes_to_stop() -> None:
    for one in CASES:
        for name, spec in services(rendered(one)).items():
            deadline = parse_duration(environment(spec)["ANDON_RUNTIME__STOP_DEADLINE"])
            assert spec["terminationGracePeriodSeconds"] * 1_000_000 > deadline, name


def test_no_worker_is_missing_while_pods_are_replaced() -> None:
    for one in CASES:
        for each in of_kind(rendered(one), "Deployment").values():
            name = each["metadata"]["labels"]["app.kubernetes.io/component"]
            if MODULES["services"][name]["scales"] == "partitions":
                assert each["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
            else:
                assert each["spec"]["strategy"] == {"type": "Recreate"}, "two would do the same work"


def test_no_service_has_more_workers_than_partitions() -> None:
    for one in CASES:
        for each in rendered(one):
            most = {
                "ScaledObject": ("spec", "maxReplicaCount"),
                "HorizontalPodAutoscaler": ("spec", "maxReplicas"),
            }.get(each["kind"])
            if most:
                partitions = 12 if one.profile == "plant" else 8 if one.profile == "default" else 4
                assert each[most[0]][most[1]] <= partitions


def site() -> Plant:
    return Plant.model_validate({**small_plant("north").model_dump(by_alias=True), "enterprise": "acme"})


def test_topics_are_those_of_the_catalogue_and_of_the_services_state() -> None:
    plant = site()
    topics = of_kind(rendered(case("topics", SWITCHES["strimzi-tls"])), "KafkaTopic").values()
    found = {each["spec"]["topicName"]: each["spec"]["config"] for each in topics}
    stateful = [name for name, facts in MODULES["services"].items() if facts.get("changelog") and name != "drift"]
    assert found == {
        **{topic_name(plant, stage): topic_config(spec) for stage, spec in CATALOGUE.items()},
        **{changelog_name(plant, name): {"cleanup.policy": "compact"} for name in stateful},
    }
    assert {(each["spec"]["partitions"], each["spec"]["replicas"]) for each in topics} == {(8, 3)}


def test_users_write_what_the_catalogue_says_and_nothing_else() -> None:
    plant = site()
    users = of_kind(rendered(case("users", SWITCHES["strimzi-tls"], SWITCHES["mes-and-probe"])), "KafkaUser")
    for each in users.values():
        name = each["metadata"]["labels"]["app.kubernetes.io/component"]
        acls = each["spec"]["authorization"]["acls"]
        facts = MODULES["services"].get(name) or MODULES["jobs"][name]
        written_to = {
            topic_name(plant, stage) for stage, spec in CATALOGUE.items() if image_of_part(name) in spec.producers
        }
        written_to |= {changelog_name(plant, name)} if facts.get("changelog") else set()
        written_to |= {topic_name(plant, stage) for stage in CATALOGUE if stage in facts.get("produces", ())}
        assert {acl["resource"]["name"] for acl in acls if "Write" in acl["operations"]} == written_to, name
        (group,) = (acl["resource"] for acl in acls if acl["resource"]["type"] == "group")
        assert group["patternType"] == "prefix"
        assert group_name(plant, name).startswith(group["name"]), name
        (readable,) = (
            acl["resource"] for acl in acls if acl["resource"]["type"] == "topic" and "Read" in acl["operations"]
        )
        assert readable["name"] == "uns.v1.acme.north.", "the prefix of one site"


def image_of_part(name: str) -> str:
    return "feature" if name == "probe" else image_of(name)


def test_the_probe_writes_raw_frames_and_nothing_else() -> None:
    assert MODULES["jobs"]["probe"]["produces"] == ["raw"]


def test_generated_files_are_current() -> None:
    for file, text in written().items():
        assert file.read_text() == text, f"{file.name}: run `make chart` and commit what it writes"


async def test_a_service_that_is_run_as_its_pod_answers_its_probes_and_stops_in_time(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    plant = {"enterprise": "acme", "site": "chart", "classes": {"pump": {"tags": {"flow": {}}}}}
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(plant | {"assets": {"line/pump": {"class": "pump"}}}))
    one = case("process", {"kafka": {"bootstrapServers": kafka.bootstrap_servers, "partitions": 4, "replication": 1}})
    spec = services(rendered(one))["feature"]
    (container,) = spec["containers"]
    port = free_port()
    own = {
        **environment(spec),
        "ANDON_PLANT": str(tmp_path / "plant.yaml"),
        "ANDON_SECRETS_DIR": str(secrets_folder(spec, tmp_path / "secrets")),
        "ANDON_TELEMETRY__PORT": str(port),
        "ANDON_KAFKA__IDEMPOTENT": str(kafka.idempotent),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.feature", env={**os.environ, **own, "HOME": str(tmp_path)}
    )
    try:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            assert await answers(process, f"http://127.0.0.1:{port}{path}"), probe
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(spec["terminationGracePeriodSeconds"]):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answers(process: asyncio.subprocess.Process, url: str) -> bool:
    """Ask until the answer is good; False when the process ends before."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return True
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    return False


def test_jobs_run_commands_of_the_image() -> None:
    commands: dict[str, Any] = {
        name: (spec["containers"][0]["command"], spec["containers"][0]["args"])
        for name, _, spec in pods(rendered(case("jobs", SWITCHES["mes-and-probe"])))
        if name in MODULES["jobs"]
    }
    assert commands == {
        "migrate": (["/opt/andon/bin/andon"], ["database", "migrate"]),
        "probe": (["/opt/andon/bin/andon"], ["probe", "test/probe", "--timeout", "2min"]),
    }


def names_in(value: Any) -> set[str]:
    """Return all texts in a manifest."""
    if isinstance(value, dict):
        return set().union(*map(names_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(names_in, value)) if value else set()
    return {value} if isinstance(value, str) else set()


def weight(manifest: Manifest) -> int | None:
    """Return when a manifest is created before an install; None when it is part of it."""
    annotations = manifest["metadata"].get("annotations", {})
    return int(annotations["helm.sh/hook-weight"]) if "pre-install" in annotations.get("helm.sh/hook", "") else None


def test_what_the_migration_needs_is_there_before_it() -> None:
    for one in CASES:
        for job in of_kind(rendered(one), "Job").values():
            at = weight(job)
            assert at is not None
            needed = names_in(job["spec"]["template"]["spec"])
            makers = (
                "ConfigMap",
                "ExternalSecret",
                "Certificate",
                "KafkaUser",
                "ServiceAccount",
                "PersistentVolumeClaim",
            )
            for each in rendered(one):
                if each["kind"] in makers and each["metadata"]["name"] in needed:
                    before = weight(each)
                    assert before is not None, f"{one}: {each['metadata']['name']} comes after the migration"
                    assert before < at


def test_the_migration_reads_its_own_copy_of_a_secret_from_a_store() -> None:
    one = rendered(case("stored", SWITCHES["external-secrets"], SWITCHES["database-tls"]))
    copies = {name for name, each in of_kind(one, "ExternalSecret").items() if weight(each) is not None}
    assert copies == {"site-andon-migrate-andon-database-owner", "site-andon-migrate-db-ca"}
    (job,) = of_kind(one, "Job").values()
    assert copies <= names_in(job)


def test_lag_is_asked_for_as_prometheus_knows_it() -> None:
    manifests = rendered(OPERATORS)
    (monitor,) = of_kind(manifests, "ServiceMonitor").values()
    label = monitor["spec"]["jobLabel"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True, "Prometheus would rename the label `service` of every metric"
    for name, scaled in of_kind(manifests, "ScaledObject").items():
        exposed = of_kind(manifests, "Service")[name]["metadata"]
        (trigger,) = scaled["spec"]["triggers"]
        found = re.fullmatch(r'sum\((\w+)\{namespace="(.+)",job="(.+)"\}\)', trigger["metadata"]["query"])
        assert found is not None
        assert found[1] in METRICS
        assert (found[2], found[3]) == (exposed["namespace"], exposed["labels"][label])
