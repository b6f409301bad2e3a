"""Bills of materials are valid CycloneDX, whole, and say what each image carries and under which licence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from images.closure import Extras
from images.sbom import PYPROJECT, Bom, environment_bom, image_bom, services

pytestmark = pytest.mark.images

EXTRAS = Extras.read(PYPROJECT)
#: Their metadata name none: protobuf is BSD-3-Clause, sigstore-models Apache-2.0, by the files that they bring.
WITHOUT_LICENCE = {"protobuf", "sigstore-models"}
SERVICES = {path.parent.name for path in (PYPROJECT.parent / "services").glob("*/__main__.py")}


@pytest.fixture(scope="module")
def whole() -> Bom:
    return environment_bom(Path(sys.executable))


def test_there_is_one_for_every_service() -> None:
    assert set(services(EXTRAS)) >= SERVICES
    assert all(f"AS andon-{name}\n" in (PYPROJECT.parent / "Dockerfile").read_text() for name in services(EXTRAS))


def test_it_is_valid(whole: Bom) -> None:
    bom = image_bom(whole, EXTRAS, "inference")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    assert bom["metadata"]["component"]["name"] == "andon-inference"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_it_lists_all_that_is_installed_with_version_and_licence(whole: Bom, service: str) -> None:
    components = {canonicalize_name(each["name"]): each for each in image_bom(whole, EXTRAS, service)["components"]}
    assert {name: each["version"] for name, each in components.items()} == EXTRAS.closure(service)
    assert all(each["purl"].startswith("pkg:pypi/") for each in components.values())
    assert {name for name, each in components.items() if not each.get("licenses")} <= WITHOUT_LICENCE


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_it_says_what_needs_what_down_from_the_service(whole: Bom, service: str) -> None:
    bom = image_bom(whole, EXTRAS, service)
    needs = {each["ref"]: each.get("dependsOn", []) for each in bom["dependencies"]}
    reached: set[str] = set()
    waiting = [bom["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += needs[ref]
    root = bom["metadata"]["component"]["bom-ref"]
    assert reached == needs.keys() == {each["bom-ref"] for each in bom["components"]} | {root}
