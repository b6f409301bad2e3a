"""The Dockerfile and compose.yaml: what linters say, and what has to agree with the services."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from andon.plant.load import load_plant
from services.ingest.sources import load_sources
from services.mes.mapping_file import load_mapping
from services.notify.files import load_sinks

ROOT = Path(__file__).parents[2]
SERVICES = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
TARGETS = dict(re.findall(r"^FROM runtime AS (andon-[\w-]+)\n((?:.+\n?)+)", DOCKERFILE, re.MULTILINE))
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"].startswith("andon-")}
ENVIRONMENTS = [(name, each.get("environment", {})) for name, each in OURS.items()]


def lint(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_dockerfile_passes_hadolint() -> None:
    assert lint(str(Path(sys.executable).with_name("hadolint")), "--failure-threshold", "style", "Dockerfile") == ""


def test_compose_yaml_fits_the_schema_of_compose_files() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec", "compose.yaml")
    assert lint(sys.executable, "-m", "check_jsonschema", *schema) == ""


def test_every_service_has_a_target_that_runs_it_with_its_own_extra() -> None:
    assert {f"andon-{name}" for name in SERVICES} <= TARGETS.keys()
    for target, body in TARGETS.items():
        name = target.removeprefix("andon-")
        assert f'RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[{name}]"' in (
            DOCKERFILE
        )
        assert body == (
            f'LABEL org.opencontainers.image.title="{target}"\n'
            f"COPY --from=build-{name} /opt/andon /opt/andon\n"
            f'CMD ["python", "-m", "services.{name}"]\n'
        )


def test_images_run_as_nobody_in_particular_and_without_a_shell() -> None:
    runtime = DOCKERFILE.partition("AS runtime\n")[2]
    assert "USER 10001:10001" in runtime
    assert "USER root" not in DOCKERFILE
    commands = re.findall(r"(?:CMD|ENTRYPOINT) (.+)", runtime)
    assert all(command.startswith("[") for command in commands)


def test_images_begin_with_fixed_versions() -> None:
    (base,) = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    images = [each["image"] for each in COMPOSE["services"].values() if each["image"] not in TARGETS]
    assert all(re.search(r"[:-]v?\d+\.\d+\.\d+", image) for image in (f"python:{base}", *images))


def test_compose_runs_every_service_and_gives_each_job_and_service_an_image_of_the_dockerfile() -> None:
    assert OURS.keys() >= SERVICES
    for name, each in OURS.items():
        assert each["build"]["target"] == each["image"] in TARGETS
        assert "command" in each or each["image"] == f"andon-{name}"


@pytest.mark.parametrize("name", OURS)
def test_containers_can_write_nothing_but_their_volume_and_are_allowed_nothing(name: str) -> None:
    each = OURS[name]
    assert each["read_only"] is True
    assert each["cap_drop"] == ["ALL"]
    assert each["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "ports", "user", "cap_add"} & each.keys()


def test_only_people_reach_the_box_from_outside_and_only_from_this_machine() -> None:
    open_networks = {name for name, each in COMPOSE["networks"].items() if not each.get("internal")}
    published = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
    assert published == {"grafana": ["127.0.0.1:3000:3000"]}
    assert {name for name, each in COMPOSE["services"].items() if open_networks & set(each.get("networks", ()))} == {
        "grafana"
    }


def test_only_those_that_use_a_zone_are_in_it() -> None:
    def inside(network: str) -> set[str]:
        return {name for name, each in COMPOSE["services"].items() if network in each.get("networks", ())}

    assert inside("machines") == {"mosquitto", "ingest", "notify"}
    assert inside("models") == {"registry", "promote", "inference", "drift", "trainer"}
    dsn = {name for name, environment in ENVIRONMENTS if "ANDON_DATABASE__DSN" in environment}
    assert inside("data") == {"timescaledb", *dsn}


def test_all_files_that_compose_mounts_are_here() -> None:
    files = [each["file"] for each in COMPOSE["configs"].values()]
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_files_of_the_box_are_what_the_services_read() -> None:
    plant = load_plant(ROOT / COMPOSE["configs"]["plant"]["file"])
    assert load_mapping(ROOT / "compose" / "mes.yaml", plant).systems[0].dsn.env == "MES_DSN"
    assert load_sources(ROOT / "compose" / "sources.yaml").sources[0].kind == "recording"
    assert [sink.kind for sink in load_sinks(ROOT / "compose" / "sinks.yaml").sinks] == ["mqtt", "log"]


def test_prometheus_asks_every_service() -> None:
    config = yaml.safe_load((ROOT / "compose" / "prometheus.yaml").read_text())
    (static,) = config["scrape_configs"][0]["static_configs"]
    assert {f"{name}:8000" for name in SERVICES} <= set(static["targets"])
    assert set(static["targets"]) == {f"{name}:8000" for name, each in OURS.items() if "command" not in each}
