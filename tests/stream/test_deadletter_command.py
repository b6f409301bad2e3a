"""`andon deadletter` against a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.contracts import DeadLetter, DeadLetterReason
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.deadletters import dead_letter, encode_letter
from andon.stream.producer import BatchProducer
from andon.stream.stage import Rejected
from andon.uns import Stage
from sandbox.broker import free_port

from .bus import frame, line, plant, reading, site_ready, stage_topic

Andon = Callable[..., Result]
NOW = 1_700_000_000_000_000
PUMP = "line/pump-7"
BAD = [
    (DeadLetterReason.UNKNOWN_ASSET, line(frame(PUMP, 0))),
    (DeadLetterReason.NOT_JSON, Line(b"line/pump-1", b"{broken\xff", [("traceparent", b"\x00")])),
    (DeadLetterReason.UNKNOWN_ASSET, line(frame(PUMP, 1))),
]


@pytest.fixture
def model(site: str) -> Plant:
    return plant(site, assets=2)


@pytest.fixture
def andon(kafka: KafkaSettings, model: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Andon:
    """The command, with an environment that names the plant model and the broker."""
    path = tmp_path / "plant.yaml"
    path.write_text(model.model_dump_json(by_alias=True, exclude_unset=True))
    monkeypatch.setenv("ANDON_PLANT", str(path))
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("ANDON_KAFKA__IDEMPOTENT", str(kafka.idempotent))

    def run(*arguments: str, answer: str | None = None) -> Result:
        plain = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None, "COLUMNS": "250"}
        return CliRunner(env=plain).invoke(app, ["deadletter", *arguments], prog_name="andon", input=answer)

    return run


async def set_aside(kafka: KafkaSettings, model: Plant, bad: list[tuple[DeadLetterReason, Line]]) -> None:
    """Put records into partition 1 of the raw topic and their letters beside them, as a stage does."""
    await site_ready(kafka, model)
    raw = stage_topic(model, Stage.RAW)
    producer = BatchProducer(kafka)
    await producer.start()
    await producer.deliver(raw, 1, [record for _, record in bad])
    await producer.deliver(stage_topic(model, Stage.DEADLETTER), 1, list(map(encode_letter, letters(raw, bad))))
    await producer.stop()


def letters(topic: str, bad: list[tuple[DeadLetterReason, Line]]) -> list[DeadLetter]:
    at: dict[str, Any] = {"service": "context", "topic": topic, "partition": 1, "now": NOW}
    return [
        dead_letter(Rejected(offset, reason, "says why"), _Read(record, offset), **at)
        for offset, (reason, record) in enumerate(bad)
    ]


class _Read:
    def __init__(self, record: Line, offset: int) -> None:
        self.offset, self.key, self.value, self.headers = offset, record.key, record.value, record.headers


async def raw_records(kafka: KafkaSettings, model: Plant, count: int) -> list[tuple[Any, ...]]:
    async with reading(kafka, stage_topic(model, Stage.RAW)) as topic:
        records = await topic.until(lambda found: len(found) >= count, timeout=10)
    return [(r.partition, r.key, r.value, list(r.headers)) for r in records]


def as_sent(bad: list[tuple[DeadLetterReason, Line]]) -> list[tuple[Any, ...]]:
    return [(1, record.key, record.value, record.headers) for _, record in bad]


def test_letters_are_listed_filtered_and_counted(kafka: KafkaSettings, model: Plant, andon: Andon) -> None:
    asyncio.run(set_aside(kafka, model, BAD))
    shown = andon("list")
    assert shown.exit_code == 0
    assert "3 dead letters: unknown_asset 2, not_json 1" in shown.output
    for text in ("2023-11-14T22:13:20", "context", PUMP, f"{stage_topic(model, Stage.RAW)}/1@2", "says why"):
        assert text in shown.output
    assert "(the newest 1 are shown)" in andon("list", "--limit", "1").output
    assert "2 dead letters: unknown_asset 2" in andon("list", "--asset", PUMP, "--service", "context").output
    assert andon("list", "--last", "1h").output == "no dead letters\n"
    machine = andon("list", "--json", "--reason", "not_json", "--since", "2023-11-14").output.splitlines()
    assert [DeadLetter.model_validate_json(text).offset for text in machine] == [1]


def test_a_letter_is_shown_whole(kafka: KafkaSettings, model: Plant, andon: Andon) -> None:
    asyncio.run(set_aside(kafka, model, BAD))
    source = f"{stage_topic(model, Stage.RAW)}/1"
    text = andon("show", f"{source}@0").output
    assert f"{source}@0:deadletter:context" in text
    assert json.loads(text.splitlines()[-1])["asset"] == PUMP
    binary = andon("show", f"{source}@1:deadletter:context").output
    assert "7b 62 72 6f 6b 65 6e ff" in binary
    unknown = andon("show", f"{source}@")
    assert unknown.exit_code == 2
    assert "there is no dead letter" in unknown.stderr


def test_a_replay_sends_the_same_records_again_and_can_be_repeated(
    kafka: KafkaSettings, model: Plant, andon: Andon
) -> None:
    asyncio.run(set_aside(kafka, model, BAD))
    raw = stage_topic(model, Stage.RAW)
    assert andon("replay", "--dry-run").output == f"3 records would be sent to {raw}, partition 1\n"
    assert andon("replay", answer="n\n").exit_code == 1
    assert asyncio.run(raw_records(kafka, model, 3)) == as_sent(BAD)
    for _ in range(2):
        result = andon("replay", "--reason", "unknown_asset", "--yes")
        assert result.exit_code == 0
        assert result.output.endswith("2 records sent back\n")
    replayed = [BAD[0], BAD[2]]
    assert asyncio.run(raw_records(kafka, model, 7)) == as_sent([*BAD, *replayed, *replayed])


def test_originals_that_were_not_copied_are_read_where_they_were(
    kafka: KafkaSettings, model: Plant, andon: Andon
) -> None:
    bad = [*BAD, (DeadLetterReason.SCHEMA, line(frame(PUMP, 3)))]
    raw = stage_topic(model, Stage.RAW)
    copied = letters(raw, bad)
    without = [one.model_copy(update={"value": None}) for one in copied]
    gone = without[0].model_copy(update={"id": "gone", "offset": 99})
    of_an_output = without[0].model_copy(update={"id": "output", "offset": 1})
    nowhere = copied[0].model_copy(update={"id": "nowhere", "topic": "other.topic"})

    async def prepare() -> None:
        await set_aside(kafka, model, bad[:0])
        producer = BatchProducer(kafka)
        await producer.start()
        await producer.deliver(raw, 1, [record for _, record in bad])
        found = [without[0], without[3], gone, of_an_output, nowhere]
        await producer.deliver(stage_topic(model, Stage.DEADLETTER), 2, list(map(encode_letter, found)))
        await producer.stop()

    asyncio.run(prepare())
    result = andon("replay", "--yes")
    assert result.exit_code == 1
    assert "2 records sent back" in result.stdout
    assert result.stderr.count("not sent: ") == 3
    for text in (f"{raw}/1@99: not copied", f"{raw}/1@1: not copied", "other.topic/1@0: the topic has no such"):
        assert text in result.stderr
    assert asyncio.run(raw_records(kafka, model, 6)) == as_sent([*bad, bad[0], bad[3]])


def test_what_is_no_letter_is_skipped_and_said(kafka: KafkaSettings, model: Plant, andon: Andon) -> None:
    async def prepare() -> None:
        await set_aside(kafka, model, BAD[:1])
        producer = BatchProducer(kafka)
        await producer.start()
        await producer.deliver(stage_topic(model, Stage.DEADLETTER), 0, [Line(b"", b"{}", [])])
        await producer.stop()

    asyncio.run(prepare())
    result = andon("list")
    assert "1 dead letter: unknown_asset 1" in result.stdout
    assert "not a dead letter, skipped" in result.stderr


def test_without_a_broker_the_address_and_what_to_do_are_told(andon: Andon, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", servers)
    for command in (("list",), ("show", "x"), ("replay", "--yes")):
        result = andon(*command)
        assert result.exit_code == 2
        assert f"Error: the broker at {servers} (PLAINTEXT) cannot be used" in result.stderr
        assert "check ANDON_KAFKA__BOOTSTRAP_SERVERS" in result.stderr
        assert "Traceback" not in result.output


def test_without_a_topic_or_a_plant_model_the_command_says_what_is_missing(
    model: Plant, andon: Andon, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_topic = andon("list")
    assert no_topic.exit_code == 2
    assert f"there is no topic {stage_topic(model, Stage.DEADLETTER)}" in no_topic.stderr
    monkeypatch.setenv("ANDON_PLANT", "nowhere.yaml")
    no_plant = andon("list")
    assert no_plant.exit_code == 2
    assert "nowhere.yaml" in no_plant.stderr
