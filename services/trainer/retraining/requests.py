"""Requests for a new model as events of the `model` topic, and what came of them. Pure.

Ids are deterministic, so that what is asked for twice (a report that comes again, a restart) is one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from andon.contracts import DriftReport, ModelEvent, Retraining

ACTOR = "trainer"
REQUESTED = "retrain_requested"

#: What can come of a request.
Outcome = Literal["retrain_refused", "retrain_failed", "retrained"]


@dataclass(frozen=True, slots=True)
class Periods:
    """Which data a request is for.

    Attributes:
        settling: time after the begin of a drift in which the process finds its new normal, and after a report in which
            its cause may turn out to be another, microseconds.
        history: how far back data is taken when no drift says since when things are as they are, microseconds.
    """

    settling: int
    history: int


def asked_by_drift(report: DriftReport, told: int, periods: Periods, *, moment: int | None = None) -> ModelEvent:
    """Return the request that a drift report makes.

    After a process has drifted, only data since then is what is normal now; a model that has decayed on data that has
    not moved learns from the newest data.

    Args:
        report: what the drift service told.
        told: when it did, microseconds UTC.
        periods: which data to take.
        moment: tells a repeated request by the same report from the first; None for the first.
    """
    moved = report.cause == "process_drift"
    since = report.since + periods.settling if moved else report.time - periods.history
    asked = Retraining(
        request=_request_id(report.asset_class, report.time if moment is None else moment, report.asset),
        origin="drift",
        evidence=report.id,
        assets=[report.asset],
        since=max(0, since),
        until=report.time + periods.settling,
    )
    return _request(report.asset_class, asked, told if moment is None else moment, ACTOR, report.message)


def asked_by_schedule(name: str, due: int, periods: Periods) -> ModelEvent:
    """Return the request of a class's schedule for the moment that it is due."""
    asked = Retraining(
        request=_request_id(name, due, "schedule"), origin="schedule", since=max(0, due - periods.history)
    )
    return _request(name, asked, due, ACTOR, "the schedule asks for it (drift.retrain_every)")


def asked_by_person(name: str, now: int, since: int, author: str, reason: str) -> ModelEvent:
    """Return a person's request for a new model of a class, of data from *since* on."""
    asked = Retraining(request=_request_id(name, now, "person"), origin="person", since=since)
    return _request(name, asked, now, author, reason)


def answered(request: ModelEvent, action: Outcome, now: int, reason: str, **changes: object) -> ModelEvent:
    """Return what came of a request; there is one outcome to each.

    Args:
        request: the event that asked.
        action: what came of it.
        now: when.
        reason: why.
        changes: to what the request says of itself: `code`, `windows`, `seconds`, `cool_down_end`; and `version` and
            `digest` of a model that was published.
    """
    version, digest = str(changes.pop("version", "")), str(changes.pop("digest", ""))
    return request.model_copy(
        update={
            "id": f"{request.id}:{action}",
            "time": now,
            "version": version,
            "digest": digest,
            "action": action,
            "actor": ACTOR,
            "reason": reason,
            "retrain": part_of(request).model_copy(update=changes),
        }
    )


def part_of(event: ModelEvent) -> Retraining:
    """Return what an event says of a request.

    Raises:
        ValueError: it says nothing of any.
    """
    if event.retrain is None:
        raise ValueError(f"model event {event.id} is about no request")
    return event.retrain


def _request(name: str, asked: Retraining, time: int, actor: str, reason: str) -> ModelEvent:
    return ModelEvent(
        id=asked.request,
        time=time,
        name=name,
        version="",
        digest="",
        action=REQUESTED,
        actor=actor,
        reason=reason,
        retrain=asked,
    )


def _request_id(name: str, moment: int, by: str) -> str:
    return f"{name}@{moment}:{REQUESTED}:{by}"
