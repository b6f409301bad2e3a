"""`andon plant check --against`: what a changed plant model would make of the frames that came lately."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.plant import Plant
from andon.rehearsal.compare import Rehearsal
from andon.rehearsal.report import Report, State, TagChange
from andon.settings import KafkaSettings
from andon.uns import Stage
from tests.stream.bus import frame, line, send, site_ready, stage_topic

PUMP, SPARE, FAN = "hall/pump", "hall/spare", "hall/fan"
MODEL: dict[str, Any] = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        "pump": {
            "tags": {
                "flow": {"unit": "m**3/h", "range": [0, 100], "limits": {"high": 60}},
                "pressure": {"unit": "bar"},
                "mode": {"kind": "state", "states": ["on", "off"]},
            }
        }
    },
    "assets": {PUMP: {"class": "pump"}, SPARE: {"class": "pump"}},
}


@dataclass(frozen=True)
class Sent:
    """A record as the runtime's codec takes it."""

    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


def records(*values: Mapping[str, Any], asset: str = PUMP) -> list[Sent]:
    events = [frame(asset, index, values=dict(each)) for index, each in enumerate(values)]
    return [Sent(index, asset.encode(), orjson.dumps(each)) for index, each in enumerate(events)]


def changed(**changes: Any) -> dict[str, Any]:
    """Return the model with fields of `flow` changed."""
    model = copy.deepcopy(MODEL)
    model["classes"]["pump"]["tags"]["flow"] |= changes
    return model


def compared(model: Mapping[str, Any], *batches: Sequence[Sent], current: Mapping[str, Any] = MODEL) -> Report:
    rehearsal = Rehearsal(Plant.model_validate(current), Plant.model_validate(model))
    for batch in batches:
        rehearsal.add(batch)
    return rehearsal.report


def flow(*values: float | None) -> list[Sent]:
    return records(*({"flow": value, "pressure": 1.0, "mode": "on"} for value in values))


def test_a_model_that_says_the_same_changes_nothing() -> None:
    report = compared(MODEL, flow(1, 200, None))
    assert not report.differs
    assert report.frames == report.tags["pump", "flow"].samples == 3


def test_samples_whose_mark_changes_are_counted_by_both_marks() -> None:
    report = compared(changed(range=[0, 40], limits=None, max_step=25), flow(1, 50, 5, 35, 5, 120))
    marks: Counter[tuple[State, State]] = Counter({(None, "out_of_range"): 1, (None, "spike"): 1})
    assert report.changes == {("pump", "flow"): TagChange(samples=6, marks=marks)}


def test_values_in_another_unit_are_counted_and_are_judged_in_it() -> None:
    report = compared(changed(source_unit="l/s"), flow(10, 20, 30, None))
    change = report.changes["pump", "flow"]
    assert (change.units, change.converted) == (("m**3/h", "m**3/h"), 3)
    assert change.marks == {(None, "out_of_range"): 1}
    assert change.violated == {"high": 1}
    relabelled = compared(changed(unit="l/s"), flow(10)).changes["pump", "flow"]
    assert (relabelled.units, relabelled.converted) == (("m**3/h", "l/s"), 0)


def test_limits_newly_violated_and_no_longer() -> None:
    report = compared(changed(limits={"low": 20, "high": 80}), flow(10, 30, 70, 90))
    change = report.changes["pump", "flow"]
    assert (change.violated, change.obeyed, change.marks) == ({"low": 1}, {"high": 1}, {})


def test_tags_that_come_or_go_tell_what_their_samples_are() -> None:
    model = changed()
    model["classes"]["pump"]["tags"] |= {"speed": {"range": [0, 9]}}
    del model["classes"]["pump"]["tags"]["mode"]
    samples = [{"flow": 1.0, "mode": "on", "speed": speed} for speed in (5, 10, None)]
    changes = compared(model, records(*samples)).changes
    assert changes["pump", "speed"].marks == {("absent", mark): 1 for mark in (None, "out_of_range", "missing")}
    assert changes["pump", "mode"].marks == {(None, "absent"): 3}


def test_assets_that_come_or_go_and_frames_that_are_refused() -> None:
    model = changed(kind="boolean", unit=None, range=None, limits=None)
    model["assets"] = {PUMP: {"class": "pump"}, FAN: {"class": "pump"}}
    calm = {"pressure": 1.0, "mode": "on"}
    report = compared(model, records(calm, asset=SPARE), records(calm, calm, asset=FAN), flow(5), records(calm))
    assert (report.new, report.gone) == ([FAN], [SPARE])
    assert report.gained == {(FAN, "unknown_asset"): 2}
    assert report.lost == {(SPARE, "unknown_asset"): 1, (PUMP, "schema"): 1}


def test_an_asset_of_another_class_is_compared_by_the_names_of_its_tags() -> None:
    model = changed()
    model["classes"]["booster"] = {"tags": {"flow": {"unit": "m**3/h", "range": [0, 10]}}}
    model["assets"][PUMP] = {"class": "booster"}
    changes = compared(model, flow(5, 50)).changes
    assert changes["booster", "flow"].marks == {(None, "out_of_range"): 1}
    assert changes["booster", "flow"].obeyed == {}


values = st.lists(st.one_of(st.none(), st.integers(-20, 130).map(float)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=30)
@given(values=values, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_batches_change_nothing(values: list[float | None], cuts: list[int]) -> None:
    model = changed(range=[-10, 90], max_step=30, max_rate=50, stuck_after="2s", limits={"low": 10})
    sent = flow(*values)
    edges = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})
    assert compared(model, *(sent[start:end] for start, end in pairwise(edges))) == compared(model, sent)


def write(folder: Path, name: str, model: Mapping[str, Any], site: str) -> Path:
    file = folder / name
    file.write_text(yaml.safe_dump({**model, "site": site}), encoding="utf-8")
    return file


async def run(monkeypatch: pytest.MonkeyPatch, servers: str, *arguments: str) -> Result:
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", servers)
    monkeypatch.setenv("ANDON_KAFKA__REQUEST_TIMEOUT", "2s")
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["plant", "check", *arguments]))


async def test_the_site_s_frames_of_late_are_tried_on_a_real_broker(
    kafka: KafkaSettings, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, then = write(tmp_path, "now.yaml", MODEL, site), changed(range=[0, 40], limits={"high": 30})
    then["assets"][FAN] = {"class": "pump"}
    file = write(tmp_path, "then.yaml", then, site)
    monkeypatch.setenv("ANDON_PLANT", str(now))
    missing = await run(monkeypatch, kafka.bootstrap_servers, str(file), "--against", "2h")
    assert missing.exit_code == 2
    assert f"there is no topic uns.v1.acme.{site}.raw" in missing.output
    plant = Plant.model_validate({**MODEL, "site": site})
    await site_ready(kafka, plant)
    empty = await run(monkeypatch, kafka.bootstrap_servers, str(file), "--against", "2h")
    assert empty.exit_code == 0
    assert "No frames of the last 2h" in empty.output

    samples = [{"flow": 20.0 + second, "pressure": 1.0, "mode": "on"} for second in range(30)]
    sent = [line(frame(asset, index, values=dict(each))) for asset in (PUMP, FAN) for index, each in enumerate(samples)]
    await send(kafka, stage_topic(plant, Stage.RAW), sent)
    shown = await run(monkeypatch, kafka.bootstrap_servers, str(file), "--against", "2h")
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.output.splitlines()]
    assert ["pump", "flow", "good", "→", "out_of_range", "9", "30.0%"] in rows
    assert ["newly", "outside", "high", "10", "33.3%"] in rows
    assert [FAN, "new", "30"] in rows
    same = await run(monkeypatch, kafka.bootstrap_servers, str(file), "--against", "2h", "--current", str(file))
    assert "the current model" in same.output


async def test_what_cannot_be_done_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "plant.yaml", MODEL, "north")
    other = write(tmp_path, "other.yaml", changed(limits=None), "north")
    monkeypatch.setenv("ANDON_PLANT", str(file))
    away = await run(monkeypatch, "127.0.0.1:9", str(other), "--against", "2h")
    assert away.exit_code == 2
    assert "the broker at 127.0.0.1:9 cannot be used" in away.output
    assert (await run(monkeypatch, "127.0.0.1:9", str(other), "--against", "soon")).exit_code == 2
    bad = write(tmp_path, "bad.yaml", changed(deadband=-1), "north")
    assert "1 to correct" in (await run(monkeypatch, "127.0.0.1:9", str(bad), "--against", "2h")).output
