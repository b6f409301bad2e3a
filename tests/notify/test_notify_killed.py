"""The notify service as a process: killed while a sink takes an alert, before that is committed."""

from __future__ import annotations

from pathlib import Path

import yaml
from aiohttp import web

from andon.settings import KafkaSettings
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from tests.faults.processes import ASSETS, pumping_site
from tests.notify.alerts import alert
from tests.notify.receiver import receiving
from tests.stream.bus import line, send

PUMP = ASSETS[0]


async def test_what_was_delivered_and_not_committed_is_repeated_with_the_same_key_and_nothing_is_lost(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with receiving() as receiver, pumping_site(kafka, site, tmp_path) as made:
        sink = {"name": "hook", "kind": "webhook", "url": receiver.url}
        (tmp_path / "sinks.yaml").write_text(yaml.safe_dump({"sinks": [sink]}))
        made.extra["ANDON_NOTIFY__SINKS"] = str(tmp_path / "sinks.yaml")
        await ensure_topics(kafka, made.plant)
        first = await made.start("notify")
        await first.ready()

        async def kill(_: web.Request) -> web.Response:
            await first.kill()
            return web.Response()

        receiver.script[None].extend((None, kill))
        alerts = [alert(PUMP, number) for number in range(4)]
        lines = [line(each.model_dump(mode="json")) for each in alerts]
        await send(kafka, topic_name(made.plant, Stage.ALERT), lines)
        await receiver.until(lambda: len(receiver.keys) == 2)
        second = await made.start("notify")
        await receiver.until(lambda: receiver.keys[-1] == alerts[3].id, timeout=60)
        assert await second.stop() == 0, second.log.read_text()
    ids = [each.id for each in alerts]
    assert list(dict.fromkeys(receiver.keys)) == ids, "nothing is lost, and all comes in order"
    assert receiver.keys[2:] in (ids, ids[1:]), "what may not have been committed is repeated, under its key"
    told = dict(zip(receiver.keys, receiver.bodies, strict=True))
    assert all(told[key] == body for key, body in zip(receiver.keys, receiver.bodies, strict=True))
