"""`history.alert_labels`: what people say about alerts becomes labelled windows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from andon.clock import to_datetime
from andon.database import connect
from andon.settings import DatabaseSettings, KafkaSettings
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from tests.historian.history import PUMP, SECOND, plant
from tests.historian.test_historian_service import historian, publish, sample, settings, until

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
LABELS = (
    "SELECT alert, author, verdict, note, since, resolved, window_start, window_end, model, model_version, severity "
    "FROM history.alert_labels ORDER BY author"
)


async def test_the_newest_verdict_of_each_author_labels_the_window_that_raised_the_alert(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    inference, opened, said = sample(Stage.INFERENCE), sample(Stage.ALERT), sample(Stage.FEEDBACK)
    start, time = inference["start"], inference["time"]
    inference["id"] = opened["inference"] = f"{PUMP}@{time}:inference:1"
    opened["alert"] = said["alert"] = f"{PUMP}@{time}:alert"
    over: dict[str, Any] = {**opened, "id": "over", "time": time + 9 * SECOND, "state": "resolved", "inference": "i"}
    verdicts = [
        {**said, "id": "a1", "author": "anna", "verdict": "false", "note": "looks well"},
        {**said, "id": "b1", "author": "ben", "verdict": "unsure", "note": ""},
        {**said, "id": "a2", "author": "anna", "verdict": "real", "note": "pitted", "time": said["time"] + 1},
    ]
    taken = {**said, "id": "a3", "author": "anna", "verdict": None, "action": "acknowledge", "time": said["time"] + 2}
    model = plant(site)
    await ensure_topics(kafka, model)
    await publish(kafka, model, Stage.INFERENCE, inference)
    await publish(kafka, model, Stage.ALERT, opened, over)
    await publish(kafka, model, Stage.FEEDBACK, *verdicts, taken)
    async with connect(database) as pool, historian(model, settings(kafka, database, tmp_path / "lake")):
        await until(pool, "SELECT count(*) FROM history.feedback", 4)
        await until(pool, "SELECT count(*) FROM history.alert", 2)
        await until(pool, "SELECT count(*) FROM history.inference", 1)
        labels = [tuple(row) for row in await pool.fetch(LABELS)]
        (shown,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
        assert [row["verdict"] for row in await pool.fetch(shown)] == ["real"]
        states = "SELECT flapping, model_version FROM history.alert WHERE state = 'open'"
        assert [tuple(row) for row in await pool.fetch(states)] == [(False, "2026.1.0")]
    window = *map(to_datetime, (opened["since"], over["time"], start, time)), "centrifugal-pump-anomaly", "2026.1.0"
    assert labels == [
        (said["alert"], "anna", "real", "pitted", *window, "warning"),
        (said["alert"], "ben", "unsure", "", *window, "warning"),
    ]
