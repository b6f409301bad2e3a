"""What a PromQL expression asks for: its metrics, and the labels that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser as promql

from andon.telemetry.catalogue import CATALOGUE, MetricSpec
from tests.monitoring.shelf import RECORDED


@dataclass
class Asked:
    """Metrics of an expression, each with the labels that it is chosen by; and labels that results are grouped by."""

    chosen: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    grouped: list[tuple[frozenset[str], frozenset[str]]] = field(default_factory=list)
    """Labels to group by, and metrics of what is grouped."""


def asked(expr: str) -> Asked:
    """Take an expression apart; raises ValueError when it is none."""
    found = Asked()

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.chosen.append((str(node.name), frozenset(matcher.name for matcher in node.matchers.matchers)))
        elif isinstance(node, promql.AggregateExpr):
            inside = frozenset(name for name, _ in asked(node.expr.prettify()).chosen)
            found.grouped.append((frozenset(node.modifier.labels if node.modifier else ()), inside))

    promql.walk(promql.parse(expr), visit)
    return found


def labels_of(series: str) -> frozenset[str]:
    """Return the labels that a series has; raises KeyError when no service and no rule makes it."""
    if series not in RECORDED:
        return _SERIES[series]
    found = asked(RECORDED[series]["expr"])
    given = [labels for labels, _ in found.grouped] or [labels_of(name) for name, _ in found.chosen]
    return frozenset().union(*given)


def _series(spec: MetricSpec) -> Iterator[tuple[str, frozenset[str]]]:
    labels = frozenset(("service", *spec.labels))
    if spec.kind != "histogram":
        yield spec.name, labels
        return
    yield f"{spec.name}_bucket", labels | {"le"}
    yield f"{spec.name}_sum", labels
    yield f"{spec.name}_count", labels


_SERIES = dict(pair for spec in CATALOGUE.values() for pair in _series(spec))
