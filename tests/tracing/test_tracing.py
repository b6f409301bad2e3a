"""One trace shows a frame from the machine to the alert, on a real broker and with a real collector."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.clock import wall_clock
from andon.plant.load import load_plant
from andon.serving.loading import load_bundles
from andon.settings import KafkaSettings, TelemetrySettings, TracingSettings
from andon.stream.publish import new_lines
from andon.telemetry import Metrics
from andon.tracing import continued, followed, is_context, is_sampled, started, tracing
from andon.uns import Stage
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings
from services.ingest.outlet.outlet import Outlet
from services.ingest.outlet.settings import SpoolSettings
from services.ingest.outlet.traces import Traces
from tests.lineage.pumping import ASSET, frames, plant_file, samples, trained
from tests.stream.bus import reading, settings, site_ready, stage_topic, working
from tests.tracing.collector import collecting

SERVICES = ("andon-ingest", "andon-context", "andon-feature", "andon-inference", "andon-alert")
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)


def contexts(count: int, traced: float) -> list[str]:
    lines = new_lines([(b"hall/pump", b"{}")] * count, traced=traced)
    return [(dict(line.headers)["traceparent"] or b"").decode() for line in lines]


async def test_one_trace_leads_from_the_machine_to_the_alert(kafka: KafkaSettings, site: str, tmp_path: Path) -> None:
    plant = load_plant(plant_file(tmp_path, site))
    bundles = load_bundles(trained(plant, tmp_path), plant.classes, None).bundles
    await site_ready(kafka, plant)
    spool = SpoolSettings(directory=tmp_path / "spool")
    with collecting() as collector:
        traced = TracingSettings(endpoint=collector.endpoint, ratio=1)
        chosen = settings(kafka).model_copy(update={"telemetry": TelemetrySettings(port=0, tracing=traced)})
        stages = (
            context_stage(plant, ContextSettings()),
            feature_stage(plant),
            inference_stage(plant, bundles, InferenceSettings()),
            alert_stage(plant, AlertSettings()),
        )
        async with contextlib.AsyncExitStack() as stack:
            for stage in stages:
                await stack.enter_async_context(working(stage, plant, chosen))
            alerts = await stack.enter_async_context(reading(kafka, stage_topic(plant, Stage.ALERT)))
            metrics = Metrics("ingest")
            tracer = await stack.enter_async_context(tracing(traced, metrics))
            outlet = Outlet(kafka, spool, plant, metrics, traces=Traces(tracer, traced.ratio))
            await stack.enter_async_context(outlet)
            before = wall_clock()
            measured = [frame | {"ingest_time": before} for frame in frames(samples(60, seed=2, raised=9), ASSET)]
            await outlet.put(Stage.RAW, pl.DataFrame(measured))
            (alert, *_) = await alerts.until(lambda records: len(records) > 0)
        spans = await asyncio.to_thread(collector.until, *SERVICES)

    trace = dict(alert.headers)["traceparent"].decode().split("-")[1]
    own = {span.span_id: (service, span) for service, span in spans if span.trace_id.hex() == trace}
    service, span = next(each for each in own.values() if each[0] == "andon-alert")
    way = [(service, span)]
    while span.parent_span_id:
        service, span = own[span.parent_span_id]
        way.insert(0, (service, span))
    assert tuple(service for service, _ in way) == SERVICES
    assert [span.name for _, span in way] == [
        "source to raw",
        "raw to context",
        "context to feature",
        "feature to inference",
        "inference to alert",
    ]
    assert all(earlier.start_time_unix_nano <= later.start_time_unix_nano for (_, earlier), (_, later) in pairwise(way))
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for _, span in way)
    assert {each.value.string_value for _, span in way for each in span.attributes if each.key == "andon.asset"} == {
        ASSET
    }


async def test_a_collector_that_is_away_stops_nothing_and_what_it_misses_is_counted() -> None:
    with collecting() as collector:
        endpoint = collector.endpoint
    metrics, span = Metrics("context"), started(contexts(1, 1.0)[0], "source to raw", 1, {})
    async with tracing(TracingSettings(endpoint=endpoint, timeout=200_000), metrics) as tracer:
        tracer.ended([span] * 5_000, 2)
    counted = {
        sample.labels["outcome"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "andon_spans_total"
    }
    assert counted["made"] == 5_000
    assert counted["sent"] == 0


async def test_the_collector_is_shown_who_calls() -> None:
    with collecting() as collector:
        shown = TracingSettings.model_validate({"endpoint": collector.endpoint, "authorization": "Bearer x7"})
        assert "x7" not in repr(shown)
        async with tracing(shown, Metrics("context")) as tracer:
            tracer.ended([started(contexts(1, 1.0)[0], "source to raw", 1, {})], 2)
        assert collector.authorization == "Bearer x7"


def test_chance_decides_at_the_source_and_all_others_follow() -> None:
    assert not any(map(is_sampled, contexts(1_000, 0)))
    assert all(map(is_sampled, contexts(1_000, 1)))
    assert 150 < sum(map(is_sampled, contexts(1_000, 0.25))) < 350
    assert all(map(is_context, contexts(10, 0.5)))


@given(trace=HEX, parent=HEX.map(lambda text: text[:16]), event=st.text())
def test_a_replay_makes_the_same_span_again(trace: str, parent: str, event: str) -> None:
    context = f"00-{trace}-{parent}-01"
    span = followed(context, "raw to context", 7, event, {})
    assert span == followed(context, "raw to context", 7, event, {})
    assert (span.trace, span.parent) == (trace, parent)
    assert is_context(span.context)
    assert is_sampled(span.context)


def test_only_rows_whose_traces_are_recorded_get_spans_and_broken_contexts_pass_unchanged() -> None:
    (yes,), (no,) = contexts(1, 1), contexts(1, 0)
    given_contexts = [no, yes, None, "nonsense-01"]
    rows = pl.DataFrame({"id": list("abcd"), "asset": ["pump"] * 4, "traceparent": given_contexts})
    same, spans = continued(rows, "raw to context", 7, {"place": "here"})
    assert [span.attributes["andon.event.id"] for span in spans] == ["b"]
    assert same["traceparent"].to_list() == [no, spans[0].context, None, "nonsense-01"]
    assert continued(rows.clear(), "raw to context", 7, {})[1] == []


@pytest.mark.parametrize("wrong", ["collector", "http://collector:4317", ":4317", ""])
def test_an_endpoint_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|set to nothing"):
        TracingSettings(endpoint=wrong)
