"""The trainer as a service: hears who asks for a new model, decides, trains one after the other, and tells.

::

    drift reports ──┐
    schedule ───────┼─► retrain_requested ──► decided ──► retrain_refused
    andon retrain ──┘   (model topic)            └──► trained ──► retrained, or retrain_failed

The `model` topic is the queue. It is read whole at each start: a request without an outcome is taken up again, one that
has an outcome is not, however often it is delivered.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from andon.clock import SECOND, Clock, wall_clock
from andon.contracts import ModelEvent
from andon.errors import RegistryError
from andon.plant import Plant
from andon.service import run_until
from andon.stream.model_events import model_lines
from andon.stream.publish import Publisher
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.trainer.retraining.decision import Standing, cool_down_end, learnable, refusal_of, withdrawn
from services.trainer.retraining.due import due_requests
from services.trainer.retraining.hearing import Hearing
from services.trainer.retraining.requests import Outcome, Periods, answered, part_of
from services.trainer.retraining.workshop import Failed, Missing, Published, Workshop
from services.trainer.settings import ServiceSettings

_log = get_logger(__name__)
#: How often the clock is looked at: schedules and cool-downs are of hours.
_TICK_S = 1.0
_RETRY_S = 5.0
_COUNTED = {"retrain_refused": "refused", "retrain_failed": "failed", "retrained": "published"}


@dataclass
class Taken:
    """A request: when it was taken and is tried next, seconds of a clock that never steps; and if it is at work now."""

    request: ModelEvent
    since: float
    next: float
    busy: bool = False


class Retrainer:
    """Decides and trains until told to stop. Run one of it a site.

    Args:
        plant: the plant model.
        settings: which data, and how.
        workshop: trains and publishes.
        publisher: to the `model` topic.
        metrics: where to count.
        clock: tells the time.
    """

    def __init__(
        self,
        plant: Plant,
        settings: ServiceSettings,
        workshop: Workshop,
        publisher: Publisher,
        metrics: Metrics,
        clock: Clock = wall_clock,
    ) -> None:
        own = settings.trainer
        self._plant, self._settings, self._workshop = plant, own, workshop
        self._publisher, self._metrics, self._clock = publisher, metrics, clock
        self._periods = Periods(own.settling, own.history)
        self._heard = Hearing(plant, settings.kafka, metrics)
        self._ledger, self._reports = self._heard.ledger, self._heard.reports
        self._taken: dict[str, Taken] = {}
        self._work_came = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether everything that was told so far has been heard."""
        return self._heard.complete

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set; a training that runs then is taken up again by the next start."""
        for name in self._plant.classes:
            self._metrics.set("andon_retrain_missing_windows", 0, asset_class=name)
        await run_until(stop, self._heard.models(), self._heard.drift(), self._decide(), self._train())

    async def _decide(self) -> None:
        while True:
            self._heard.changed.clear()
            if self.ready:
                for request in due_requests(self._plant, self._reports, self._ledger, self._periods, self._clock()):
                    await self._tell(self._with_cost(request))
                for taken in [each for each in self._taken.values() if not each.busy]:
                    await self._withdraw(taken)
                for request in self._ledger.waiting:
                    await self._take(request)
            await _set_or_tick(self._heard.changed)

    async def _withdraw(self, taken: Taken) -> None:
        """Give up a request that waits, if what it rests on is not so any more."""
        if refusal := withdrawn(taken.request, self._reports):
            taken.busy = True  # or its training might begin while this is told
            await self._close(taken, "retrain_refused", refusal.text, code=refusal.code)

    def _with_cost(self, request: ModelEvent) -> ModelEvent:
        """Return a request that says what it will cost, as far as known."""
        trained = self._ledger.trained_at(request.name)
        cost = {
            "seconds": self._ledger.seconds(request.name),
            "cool_down_end": cool_down_end(request.name, self._plant, trained),
        }
        return request.model_copy(update={"retrain": part_of(request).model_copy(update=cost)})

    async def _take(self, request: ModelEvent) -> None:
        """Take a request, or refuse it; one that was taken before is left alone."""
        taken = self._taken.get(request.name)
        if taken is not None and taken.request.id == request.id:
            return
        standing = Standing(
            running=None if taken is None else taken.request.id,
            trained=self._ledger.trained_at(request.name),
            faulty=self._reports.faulty,
            now=self._clock(),
        )
        refusal = withdrawn(request, self._reports) or refusal_of(request, self._plant, standing)
        if refusal is not None:
            await self._answer(request, "retrain_refused", refusal.text, code=refusal.code)
            return
        now = time.monotonic()
        self._taken[request.name] = Taken(request, now, now)
        self._work_came.set()
        self._count(request, "taken")
        _log.info("request taken", request=request.id, reason=request.reason)

    async def _train(self) -> None:
        """Train what was taken, one after the other; what waits for data holds up no other class."""
        while True:
            self._work_came.clear()
            idle = (each for each in self._taken.values() if not each.busy)
            due = next((each for each in idle if each.next <= time.monotonic()), None)
            if due is None:
                await _set_or_tick(self._work_came)
                continue
            due.busy = True
            due.next = time.monotonic() + await self._try(due)
            due.busy = False

    async def _try(self, taken: Taken) -> float:
        """Work on a request, and return in how many seconds to do so again, if it is not answered."""
        request = taken.request
        assets = learnable(request, self._plant, self._reports.faulty)
        if not assets:
            await self._close(taken, "retrain_refused", "its data has become faulty since", code="faulty_data")
            return 0.0
        try:
            found = await self._workshop.work(request, assets)
        except (KafkaError, RegistryError, OSError) as error:
            _log.warning("training cannot go on, trying again", request=request.id, error=repr(error))
            return _RETRY_S
        match found:
            case Missing():
                return await self._wait(taken, found)
            case Failed(code, text, windows, seconds):
                figures = {"code": code, "windows": windows, "seconds": seconds}
                await self._close(taken, "retrain_failed", text, **figures, **self._cool_down(request))
            case Published(version, digest, windows, seconds):
                self._metrics.observe("andon_retrain_seconds", time.monotonic() - taken.since, asset_class=request.name)
                made = {"version": version, "digest": digest, "windows": windows, "seconds": seconds}
                await self._close(taken, "retrained", request.reason, **made, **self._cool_down(request))
        return 0.0

    async def _wait(self, taken: Taken, found: Missing) -> float:
        """Wait for more data, unless the request has waited for too long; return for how many seconds."""
        request, wanted = taken.request, self._settings.windows
        if self._clock() - request.time > self._settings.patience:
            text = f"{found.text}; at least {wanted} windows are needed (ANDON_TRAINER__WINDOWS)"
            await self._close(taken, "retrain_refused", text, code="too_little_data", windows=found.windows)
            return 0.0
        missing = max(1, wanted - found.windows)
        self._metrics.set("andon_retrain_missing_windows", missing, asset_class=request.name)
        _log.info("request waits for more data", request=request.id, missing_windows=missing, so_far=found.text)
        return self._settings.look_every / SECOND

    async def _close(self, taken: Taken, action: Outcome, reason: str, **changes: object) -> None:
        await self._answer(taken.request, action, reason, **changes)
        self._metrics.set("andon_retrain_missing_windows", 0, asset_class=taken.request.name)
        del self._taken[taken.request.name]
        self._workshop.clear(taken.request)
        self._heard.changed.set()

    def _cool_down(self, request: ModelEvent) -> dict[str, object]:
        return {"cool_down_end": cool_down_end(request.name, self._plant, self._clock())}

    async def _answer(self, request: ModelEvent, action: Outcome, reason: str, **changes: object) -> None:
        await self._tell(answered(request, action, self._clock(), reason, **changes))
        self._count(request, _COUNTED[action])
        _log.info("request answered", request=request.id, action=action, reason=reason, **changes)

    async def _tell(self, event: ModelEvent) -> None:
        """Put an event on the bus, and know it from now on; the topic brings it once more."""
        await self._publisher.deliver(model_lines([event]))
        self._metrics.count("andon_records_sent_total", stage=Stage.MODEL)
        self._ledger.take(event)

    def _count(self, request: ModelEvent, outcome: str) -> None:
        origin = part_of(request).origin
        self._metrics.count("andon_retrain_requests_total", asset_class=request.name, origin=origin, outcome=outcome)


async def _set_or_tick(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_TICK_S):
            await event.wait()
