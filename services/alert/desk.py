"""Where people say something about an alert: checked, and put on the `feedback` topic, which is the one truth."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from andon.clock import SECOND, Clock, wall_clock
from andon.contracts import Action, Alert, AlertState, Feedback, Verdict, event_id
from andon.contracts.base import faults
from andon.errors import AlertStateError, DeliveryError, FeedbackError, UnknownAlertError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.publish import new_lines, publishing
from andon.stream.topics import topic_name
from andon.units import Duration, format_duration
from andon.uns import Stage
from services.alert.board import changes_of
from services.alert.reason import is_suspect

_NAME = re.compile(r"(?P<asset>[^@]+)@(?P<opened>\d{1,16}):alert(@backfill)?")


class Statement(BaseModel):
    """What a person says about an alert, before it is checked.

    Attributes:
        alert: the alert's name.
        action: what they do with it.
        author: who they are.
        note: in their own words.
        verdict: what they found, of a verdict.
        shelve_for: for how long, of shelving, microseconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: str
    action: Action
    author: Annotated[str, Field(min_length=1, max_length=200)]
    note: Annotated[str, Field(max_length=2_000)] = ""
    verdict: Verdict | None = None
    shelve_for: Annotated[Duration, Field(gt=0)] | None = None


class Desk:
    """Takes statements about the alerts of one site.

    Args:
        kafka: how to reach the broker.
        plant: the plant model.
        shelf_limit: longest time that an asset can be shelved for, microseconds.
        clock: microseconds UTC.
    """

    def __init__(self, kafka: KafkaSettings, plant: Plant, shelf_limit: int, clock: Clock = wall_clock) -> None:
        self._kafka, self._plant, self._shelf_limit, self._clock = kafka, plant, shelf_limit, clock

    async def take(self, statement: Statement) -> Feedback:
        """Check *statement* by what is on the bus, publish it, and return the event.

        Raises:
            FeedbackError: it cannot be taken; a subclass where there is no such alert, or it is in no state for that.
            DeliveryError: the broker did not take it in time.
            KafkaError: the broker does not answer.
        """
        asset, opened = self._named(statement.alert)
        if statement.shelve_for is not None and statement.shelve_for > self._shelf_limit:
            raise FeedbackError(f"an asset can be shelved for {format_duration(self._shelf_limit)} at most")
        try:
            async with asyncio.timeout(self._kafka.request_timeout / SECOND):
                return await self._publish(statement, asset, opened)
        except TimeoutError:
            raise DeliveryError("the broker did not take it in time; try again") from None

    async def _publish(self, statement: Statement, asset: str, opened: int) -> Feedback:
        changes = await changes_of(self._kafka, self._plant, asset, opened, statement.alert)
        if not changes:
            raise UnknownAlertError(f"there is no alert {statement.alert!r} (misspelt, or older than the topic keeps)")
        feedback = feedback_on(changes, statement, self._clock())
        async with publishing(self._kafka, topic_name(self._plant, Stage.FEEDBACK)) as publisher:
            await publisher.deliver(new_lines([(asset.encode(), feedback.model_dump_json().encode())]))
        return feedback

    def _named(self, alert: str) -> tuple[str, int]:
        """Return asset and opening time of an alert's name."""
        found = _NAME.fullmatch(alert)
        if found is None:
            raise FeedbackError(f"{alert!r} is no name of an alert: write '<asset>@<opened>:alert', as alerts show it")
        if self._plant.class_of(found["asset"]) is None:
            raise UnknownAlertError(f"asset {found['asset']!r} of alert {alert!r} is not in the plant model")
        return found["asset"], int(found["opened"])


def feedback_on(changes: Sequence[Alert], statement: Statement, now: int) -> Feedback:
    """Return the event that says what *statement* does.

    Args:
        changes: all changes of the alert, in order.
        statement: what a person says about it.
        now: when they say it, microseconds UTC.

    Raises:
        AlertStateError: it is over, suppressed, or taken already, and was to be silenced or taken.
        FeedbackError: what is said does not go together.
    """
    opening, alert = changes[0], changes[-1]
    if problem := _problem(alert, statement.action):
        raise AlertStateError(f"alert {alert.alert!r} {problem}")
    version = statement.author if statement.action is Action.VERDICT else f"{statement.author}-{statement.action}"
    try:
        return Feedback(
            id=event_id(alert.asset, now, Stage.FEEDBACK, version),
            asset=alert.asset,
            time=now,
            ingest_time=now,
            alert=alert.alert,
            action=statement.action,
            verdict=statement.verdict,
            until=None if statement.shelve_for is None else now + statement.shelve_for,
            note=statement.note,
            author=statement.author,
            model=opening.model if any(map(is_suspect, opening.causes)) else None,
        )
    except ValidationError as error:
        raise FeedbackError(faults(error)) from None


def _problem(alert: Alert, action: Action) -> str | None:
    """Return why *action* would have no effect on an alert as it is; None when it would have one."""
    if action is Action.VERDICT:
        return None
    if alert.state is AlertState.RESOLVED:
        return "is over; what remains to be said is a verdict"
    if action is Action.SHELVE or alert.state is AlertState.OPEN:
        return None
    by = alert.acknowledged.author if alert.acknowledged else alert.suppressed_by
    return f"is {alert.state} already, by {by}"
