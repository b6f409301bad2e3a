"""Which sinks are told of an alert. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

from andon.contracts import Alert
from andon.contracts.alerting import Severity
from andon.plant.routes import Route
from andon.uns.places import levels

#: From the least to the gravest.
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


def destinations(routes: Sequence[Route], alert: Alert, sinks: Collection[str]) -> frozenset[str]:
    """Return the names of the sinks that are told of a change of an alert.

    Args:
        routes: of the plant; all that fit count, and without any route all sinks are told.
        alert: what is to be told.
        sinks: names of all sinks.
    """
    if not routes:
        return frozenset(sinks)
    return frozenset(name for route in routes if fits(route, alert) for name in route.to)


def fits(route: Route, alert: Alert) -> bool:
    """Return whether a route is for an alert: all that it gives fits."""
    return (
        SEVERITIES.index(alert.severity) >= SEVERITIES.index(route.severity)
        and alert.state in route.states
        and route.asset_class in (None, alert.asset_class)
        and route.use_case in (None, alert.use_case)
        and route.owner in (None, alert.owner)
        and (route.place is None or route.place in levels(alert.asset))
    )
