"""Metrics of one service, made from the catalogue in a registry of their own."""

from __future__ import annotations

from importlib.metadata import version
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from andon.telemetry.catalogue import CATALOGUE, MetricSpec

#: Content type of `Metrics.exposition`.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# When each counter began is of no use to anybody, and with counters of each machine it doubles an answer's length.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one out

_Metric = Counter | Gauge | Histogram
_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)


class Metrics:
    """All metrics of a service. Nothing is global: tests and services in one process do not meet.

    Args:
        service: the service's name, on every metric as label `service`.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self._metrics: dict[str, _Metric] = {name: self._make(spec) for name, spec in CATALOGUE.items()}
        self.set("andon_build_info", 1, version=version("andon"))

    def _make(self, spec: MetricSpec) -> _Metric:
        labels = ("service", *spec.labels)
        if spec.kind == "counter":
            return Counter(spec.name, spec.help, labels, registry=self.registry)
        if spec.kind == "gauge":
            return Gauge(spec.name, spec.help, labels, registry=self.registry)
        return Histogram(spec.name, spec.help, labels, buckets=spec.buckets, registry=self.registry)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._child(name, Counter, labels).inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._child(name, Gauge, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add an observation to a histogram."""
        self._child(name, Histogram, labels).observe(value)

    def forget(self, name: str, **labels: str) -> None:
        """Remove a labelled child, such as the lag of a partition that was given away."""
        spec = CATALOGUE[name]
        self._metrics[name].remove(self.service, *(labels[label] for label in spec.labels))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _child(self, name: str, kind: type[_Kind], labels: dict[str, str]) -> _Kind:
        metric = self._metrics[name]
        if not isinstance(metric, kind):
            raise TypeError(f"{name} is a {CATALOGUE[name].kind}")
        return metric.labels(service=self.service, **labels)
