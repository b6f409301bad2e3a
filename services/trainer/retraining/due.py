"""Who asks for a new model now: machines that have drifted, and the schedule. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from andon.contracts import ModelEvent
from andon.plant import Plant
from services.trainer.retraining.decision import cool_down_end
from services.trainer.retraining.ledger import Ledger
from services.trainer.retraining.reports import Heard, Reports
from services.trainer.retraining.requests import Periods, asked_by_drift, asked_by_schedule


def due_requests(plant: Plant, reports: Reports, ledger: Ledger, periods: Periods, now: int) -> list[ModelEvent]:
    """Return the requests that are to be made now and were not made yet."""
    by_drift = (request for heard in reports.asking for request in _of_report(plant, heard, ledger, periods, now))
    return [*by_drift, *_of_schedule(plant, ledger, periods, now)]


def _of_report(plant: Plant, heard: Heard, ledger: Ledger, periods: Periods, now: int) -> Iterator[ModelEvent]:
    """Yield a report's request, or that which repeats it: a drift is told once, however long it lasts.

    What was not trained is asked for again when the cool-down is over, unless a candidate was made since the report.
    """
    first = asked_by_drift(heard.report, heard.told, periods)
    if not ledger.knows(first.id):
        yield first
        return
    answer = ledger.answer_to(heard.report.id)
    again = cool_down_end(first.name, plant, ledger.trained_at(first.name))
    covered = ledger.candidate_since(first.name, heard.told)
    if answer is None or again is None or again > now or covered or heard.report.retrain != "wanted":
        return
    repeated = asked_by_drift(heard.report, heard.told, periods, moment=again)
    if not ledger.knows(repeated.id):
        yield repeated


def _of_schedule(plant: Plant, ledger: Ledger, periods: Periods, now: int) -> Iterator[ModelEvent]:
    """Yield what schedules ask for; a class's begins with its first model, which a person makes."""
    for name, asset_class in plant.classes.items():
        every, last = asset_class.drift.retrain_every, ledger.last_model(name)
        if every is None or last is None or last + every > now:
            continue
        request = asked_by_schedule(name, last + every, periods)
        if not ledger.knows(request.id):
            yield request
