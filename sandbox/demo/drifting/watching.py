"""What the services tell while the play runs: drift, requests for models, alerts and verdicts, as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import orjson

from andon.clock import isoformat
from andon.contracts import Alert, DriftReport, ModelEvent
from andon.errors import AndonError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.follow import Told, follow
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage

_POLL_S = 0.1
#: Actions of model events that are about requests.
_RETRAINING = ("retrain_requested", "retrain_refused", "retrain_failed", "retrained")


@dataclass
class Watching:
    """Everything that was told so far, each event once, in the order in which it came."""

    say: Callable[[str], None]
    reports: dict[str, DriftReport] = field(default_factory=dict)
    models: dict[str, ModelEvent] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)

    def of(self, asset: str) -> list[DriftReport]:
        """Return the drift reports of a machine."""
        return [report for report in self.reports.values() if report.asset == asset]

    def actions(self, action: str) -> list[ModelEvent]:
        """Return what was told of requests for models."""
        return [event for event in self.models.values() if event.action == action]

    async def until(self, so: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Return when something is so.

        Raises:
            AndonError: it is not in time; says what was waited for.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not so():  # noqa: ASYNC110 - followed topics only fill the dictionaries
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise AndonError(f"not within {timeout_s:g} s: {what}; the services' log says why") from None

    def hear_drift(self, told: Told[DriftReport]) -> None:
        """Take a drift report."""
        report = told.event
        if report is not None and report.id not in self.reports:
            self.reports[report.id] = report
            self.say(f"{isoformat(report.time)[11:19]} {name_of(report.asset)} {report.state}: {report.message}")

    def hear_model(self, told: Told[ModelEvent]) -> None:
        """Take a model event, if it is about a request."""
        event = told.event
        if event is not None and event.action in _RETRAINING and event.id not in self.models:
            self.models[event.id] = event
            self.say(f"{event.action.replace('_', ' ')}: {_in_words(event)}")

    def hear_alert(self, told: Told[Alert]) -> None:
        """Take a change of an alert."""
        if told.event is not None:
            self.alerts[told.event.id] = told.event


@contextlib.asynccontextmanager
async def watching(kafka: KafkaSettings, plant: Plant, say: Callable[[str], None]) -> AsyncIterator[Watching]:
    """Watch for the length of an `async with` block."""
    seen = Watching(say)
    tasks = [
        asyncio.create_task(follow(kafka, topic_name(plant, Stage.DRIFT), DriftReport, seen.hear_drift)),
        asyncio.create_task(follow(kafka, topic_name(plant, Stage.MODEL), ModelEvent, seen.hear_model)),
        asyncio.create_task(follow(kafka, topic_name(plant, Stage.ALERT), Alert, seen.hear_alert)),
    ]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What models said of one machine in a stretch of time.

    Attributes:
        judged: role to windows that it judged.
        abnormal: role to those of them that it called abnormal.
        last: event time of the newest.
    """

    judged: dict[str, int]
    abnormal: dict[str, int]
    last: int

    def share(self, role: str) -> float:
        """Return the share of abnormal windows; NaN where none was judged."""
        judged = self.judged.get(role, 0)
        return self.abnormal.get(role, 0) / judged if judged else float("nan")


async def verdicts(kafka: KafkaSettings, plant: Plant, asset: str, since: int, until: int) -> Verdicts:
    """Return what models said of a machine's windows between two event times; a repeated verdict counts once."""
    topic = topic_name(plant, Stage.INFERENCE)
    records = read_to_end(kafka, topic, range(kafka.partitions))
    found = {event["id"]: event for event in [orjson.loads(record.value) async for record in records]}
    judged: dict[str, int] = {}
    abnormal: dict[str, int] = {}
    last = 0
    for event in found.values():
        if event["asset"] == asset and since <= event["time"] < until and event["decision"] != "abstain":
            role = event["role"]
            judged[role] = judged.get(role, 0) + 1
            abnormal[role] = abnormal.get(role, 0) + (event["decision"] == "anomaly")
            last = max(last, event["time"])
    return Verdicts(judged, abnormal, last)


def name_of(asset: str) -> str:
    """Return the machine's own name."""
    return asset.rsplit("/", 1)[-1]


def _in_words(event: ModelEvent) -> str:
    asked = event.retrain
    if event.action == "retrain_requested" and asked:
        return f"{asked.origin} of {', '.join(map(name_of, asked.assets)) or event.name}"
    if event.action == "retrained" and asked:
        return f"candidate {event.version} from {asked.windows} windows in {asked.seconds or 0:.1f} s"
    return f"{asked.code if asked else ''}: {event.reason}"


def open_alerts(alerts: Iterable[Alert], asset: str) -> list[str]:
    """Return the names of a machine's alerts that are not over."""
    newest: dict[str, Alert] = {}
    for alert in alerts:
        if alert.asset == asset and (alert.alert not in newest or newest[alert.alert].time <= alert.time):
            newest[alert.alert] = alert
    return [name for name, alert in newest.items() if alert.state != "resolved"]
