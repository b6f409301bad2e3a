"""Each service's extra brings what the service imports, and no more: its image carries nothing else."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.utils import canonicalize_name

from images.closure import Extras

ROOT = Path(__file__).parents[2]
OWN = ("andon", "services", "sandbox")
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py"))
EXTRAS = Extras.read(ROOT / "pyproject.toml")
#: A detector of drift that is offered to people (extra `adwin`), and that the service itself does not use.
OFFERED = {"drift": {"river"}}
#: Named by extras, but imported by name nowhere: aiokafka finds it, and training imports it when a family is fitted.
FOUND_BY_OTHERS = {"cramjam", "onnx", "scikit-learn", "torch"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*OWN, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)


def imported(graph: grimp.ImportGraph, service: str) -> set[str]:
    """Third-party packages that a service imports, also in functions, and also through what it imports of `andon`."""
    waiting = [f"services.{service}", *graph.find_descendants(f"services.{service}")]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += _reached(graph, module)
    roots = {module.partition(".")[0] for module in seen}
    return roots - set(OWN) - sys.stdlib_module_names


def _reached(graph: grimp.ImportGraph, module: str) -> Iterator[str]:
    root, *inner = module.split(".")
    if root not in OWN:
        return
    yield from graph.find_modules_directly_imported_by(module)
    if inner:
        yield module.rpartition(".")[0]  # a package is imported before what is in it


@functools.cache
def _brought_by() -> Mapping[str, list[str]]:
    return packages_distributions()


def modules(distributions: set[str]) -> set[str]:
    return {
        module
        for module, brought_by in _brought_by().items()
        if distributions & {canonicalize_name(name) for name in brought_by}
    }


@pytest.mark.parametrize("service", SERVICES)
def test_an_extra_brings_all_that_its_service_imports(graph: grimp.ImportGraph, service: str) -> None:
    wanted = imported(graph, service) - OFFERED.get(service, set())
    assert wanted - modules(set(EXTRAS.closure(service))) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_extra_names_nothing_that_its_service_does_not_import(graph: grimp.ImportGraph, service: str) -> None:
    named = {canonicalize_name(requirement.name) for requirement in EXTRAS.direct(service)} - FOUND_BY_OTHERS
    used = imported(graph, service)
    assert {name for name in named if not modules({name}) & used} == set()


@pytest.mark.parametrize("service", sorted({*SERVICES, "drift"} - {"trainer"}))
def test_only_the_trainer_carries_what_trains(service: str) -> None:
    assert not {"torch", "scikit-learn", "scipy", "onnx"} & EXTRAS.closure(service).keys()
    assert "torch" in EXTRAS.closure("trainer")
