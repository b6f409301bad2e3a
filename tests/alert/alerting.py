"""What the tests of the alert service on a real broker share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from andon.clock import SECOND, wall_clock
from andon.contracts import Alert, AlertState, Decision, Inference, LimitViolation, ModelRef
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.publish import new_lines, publishing
from andon.stream.topics import topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.alert.api import Api
from services.alert.desk import Desk
from services.alert.settings import ApiSettings
from tests.faults.processes import ASSETS, distinct
from tests.stream.bus import TopicReader

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
#: The alert that the page speaks of.
SHOWN = "water/line-1/station-1/pump-3@1767225610000000:alert"
PUMP = ASSETS[0]
T0 = wall_clock() - 600 * SECOND
NAME = f"{PUMP}@{T0}:alert"
HIGH = LimitViolation(tag="flow", bound="high", limit=900.0, value=950.0)
WORSE = LimitViolation(tag="flow", bound="high_high", limit=940.0, value=950.0)
MODEL = ModelRef(name="pump-anomaly", version="2", digest="d")


def inference(index: int, *limits: LimitViolation, asset: str = PUMP) -> Inference:
    """A window without a model, a second long."""
    time = T0 + index * SECOND
    return Inference(
        id=f"{asset}@{time}:inference:none",
        asset=asset,
        time=time,
        ingest_time=time,
        asset_class="pump",
        definition="d",
        start=time - SECOND,
        model=None,
        decision=Decision.ABSTAIN if limits else Decision.NORMAL,
        score=None,
        threshold=None,
        limit_violations=list(limits),
    )


def alert(state: AlertState = AlertState.OPEN, **fields: Any) -> Alert:
    given: dict[str, Any] = {
        "id": f"{PUMP}@{T0}:alert:{state}",
        "asset": PUMP,
        "time": T0,
        "ingest_time": T0,
        "alert": NAME,
        "asset_class": "pump",
        "state": state,
        "severity": "warning",
        "opened": T0,
        "since": T0,
        "message": "Look at the pump.",
        "owner": "maintenance",
        "inference": "i",
    }
    return Alert(**given | fields)


async def send(kafka: KafkaSettings, plant: Plant, stage: Stage, events: Sequence[Any]) -> None:
    async with publishing(kafka, topic_name(plant, stage)) as publisher:
        pairs = [(event.asset.encode(), event.model_dump_json().encode()) for event in events]
        await publisher.deliver(new_lines(pairs))


async def states(alerts: TopicReader, count: int) -> list[str]:
    """Return the states told until there are *count* different events."""
    await alerts.events(count)
    return [event["state"] for event in distinct(alerts.records).values()]


@contextlib.asynccontextmanager
async def api(kafka: KafkaSettings, plant: Plant, metrics: Metrics, **settings: Any) -> AsyncIterator[int]:
    """The HTTP server alone; gives its port."""
    chosen = ApiSettings(host="127.0.0.1", port=0, insecure="tls" not in settings, **settings)
    made = Api(chosen, Desk(kafka, plant, 2 * 3_600 * SECOND), metrics)
    async with made.listening():
        yield made.port


Post = Callable[..., Any]


@contextlib.asynccontextmanager
async def client(port: int, token: str | None = "secret") -> AsyncIterator[Post]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def post(path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            async with session.post(f"http://127.0.0.1:{port}{path}", data=data) as answer:
                return answer.status, await answer.json()

        yield post


def samples(metrics: Metrics, name: str, labels: dict[str, str]) -> list[Any]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return [
        one for each in families for one in each.samples if one.name == name and labels.items() <= one.labels.items()
    ]
