"""The catalogue of metrics: its names follow Prometheus' rules, and the code uses just these."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from andon.telemetry import Metrics
from andon.telemetry.catalogue import CATALOGUE, MetricSpec

ROOT = Path(__file__).parents[2]
DEFINITIONS = ROOT / "andon" / "telemetry" / "catalogue.py"
#: Base units, and counted things; see https://prometheus.io/docs/practices/naming/.
UNITS = {
    "seconds",
    "bytes",
    "records",
    "offset",
    "info",
    "partitions",
    "frames",
    "notices",
    "notifications",
    "nodes",
    "items",
    "findings",
    "assets",
    "facts",
    "overlaps",
    "products",
    "ratio",
    "score",
    "error",
    "verdicts",
    "windows",
    "alarms",
}
#: Gauges that are 1 while something is so.
STATES = {"insecure", "away", "connected", "full", "stale", "state"}
METRICS = pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)


def names_in(*packages: str) -> set[str]:
    """Texts in the code that look like the name of a metric."""
    files = (path for package in packages for path in (ROOT / package).rglob("*.py") if path != DEFINITIONS)
    return {name for path in files for name in _texts(path) if re.fullmatch(r"andon_[a-z0-9_]+", name)}


def _texts(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_metric_that_the_code_uses_is_in_the_catalogue() -> None:
    assert names_in("andon", "services") - set(CATALOGUE) == set()


def test_every_metric_in_the_catalogue_is_used() -> None:
    assert set(CATALOGUE) - names_in("andon", "services") == set()


def test_the_sandbox_reads_only_metrics_that_there_are() -> None:
    series = {re.sub(r"_(sum|count|bucket)$", "", name) for name in names_in("sandbox")}
    assert series - set(CATALOGUE) == set()


@METRICS
def test_names_follow_prometheus_rules(spec: MetricSpec) -> None:
    assert re.fullmatch(r"andon(_[a-z]+)+", spec.name)
    assert spec.name.endswith("_total") == (spec.kind == "counter")
    assert not spec.name.endswith(("_sum", "_count", "_bucket"))
    assert spec.kind == "counter" or spec.name.rpartition("_")[2] in UNITS | STATES


@METRICS
def test_each_metric_says_what_it_is_and_has_proper_labels_and_buckets(spec: MetricSpec) -> None:
    assert spec.help.endswith(".")
    assert all(re.fullmatch(r"[a-z_]+", label) for label in spec.labels)
    assert not {"service", "le", "quantile"} & set(spec.labels)
    assert bool(spec.buckets) == (spec.kind == "histogram")
    assert list(spec.buckets) == sorted(set(spec.buckets))


@METRICS
def test_each_metric_can_be_written_and_is_read_back_with_its_labels(spec: MetricSpec) -> None:
    metrics = Metrics("pump-service")
    labels = dict.fromkeys(spec.labels, "x")
    getattr(metrics, {"counter": "count", "gauge": "set", "histogram": "observe"}[spec.kind])(spec.name, 2.0, **labels)
    families = {one.name: one for one in text_string_to_metric_families(metrics.exposition().decode())}
    family = families[spec.name.removesuffix("_total")]
    assert (family.type, family.documentation) == (spec.kind, spec.help)
    written = [sample for sample in family.samples if labels.items() <= sample.labels.items()]
    assert {sample.labels["service"] for sample in written} == {"pump-service"}
    assert 2.0 in {sample.value for sample in written}


def test_a_metric_of_another_kind_or_without_its_labels_is_refused() -> None:
    metrics = Metrics("x")
    with pytest.raises(TypeError, match="is a gauge"):
        metrics.count("andon_partitions")
    with pytest.raises(KeyError):
        metrics.set("andon_unheard_of", 1)
    with pytest.raises(ValueError, match="label"):
        metrics.count("andon_records_read_total")


def test_services_in_one_process_do_not_share_metrics() -> None:
    first, second = Metrics("first"), Metrics("second")
    first.count("andon_records_read_total", 3, stage="raw")
    assert b"andon_records_read_total{" not in second.exposition()


def test_what_is_forgotten_is_no_longer_shown() -> None:
    metrics = Metrics("x")
    metrics.set("andon_lag_records", 7, partition="3")
    metrics.forget("andon_lag_records", partition="3")
    assert b'partition="3"' not in metrics.exposition()


def test_a_counter_is_one_line_of_each_machine_without_when_it_began() -> None:
    metrics = Metrics("ingest")
    metrics.count("andon_samples_received_total", asset="line/pump-1")
    told = [line for line in metrics.exposition().decode().splitlines() if "line/pump-1" in line]
    assert told == ['andon_samples_received_total{asset="line/pump-1",service="ingest"} 1.0']
