"""What holds whatever an edge node, or anybody, sends and whatever is lost on the way."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from andon.clock import MILLISECOND, SECOND
from andon.sparkplug.v1.payload_pb2 import Metric, Payload
from sandbox.edge_node import Outgoing

from .floor import GROUP, METRICS, NODE, OTHER, PUMP, Floor, edge_node, floor, pump, reasons

KINDS = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA", "NCMD")
ALIASED = st.booleans()
TOPICS = st.one_of(
    st.text(max_size=30),
    st.builds(
        lambda kind, node, device: f"spBv1.0/{GROUP}/{kind}/{node}" + (f"/{device}" if kind.startswith("D") else ""),
        st.sampled_from(KINDS),
        st.sampled_from((NODE, "other")),
        st.sampled_from((PUMP, OTHER, "stranger")),
    ),
)
METRIC = st.builds(
    Metric,
    name=st.none() | st.sampled_from(["", "starts", "mode", "Motor/Temperature", "bdSeq", "colour"]),
    alias=st.none() | st.integers(0, 9) | st.integers(0, 2**64 - 1),
    timestamp=st.none() | st.integers(0, 2**64 - 1),
    datatype=st.none() | st.integers(0, 40),
    is_historical=st.booleans(),
    is_null=st.booleans(),
    long_value=st.integers(0, 2**64 - 1),
)
PAYLOAD = st.builds(Payload, seq=st.none() | st.integers(0, 300), metrics=st.lists(METRIC, max_size=5))
BODIES = st.one_of(st.binary(max_size=60), PAYLOAD.map(Payload.SerializeToString))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(TOPICS, BODIES), max_size=30))
def test_nothing_that_anybody_sends_breaks_the_host(messages: list[Outgoing]) -> None:
    at = floor()
    for message in messages:
        heard = at.hear(message)
        assert len(heard.refusals) <= 3 * 31
        for batch in heard.readings:
            sizes = {len(batch.values), len(batch.source_times), len(batch.server_times), len(batch.statuses)}
            assert sizes == {len(batch)}
            assert all(time is None or 0 <= time <= 2**53 for time in batch.source_times)
    at.wait(3_600 * SECOND)


@given(st.binary(max_size=200))
def test_bytes_are_a_payload_or_one_dead_letter(body: bytes) -> None:
    at = floor()
    heard = at.hear((f"spBv1.0/{GROUP}/NDEATH/{NODE}", body))
    assert len(heard.refusals) <= 1
    assert heard.readings == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.sampled_from((PUMP, OTHER))),
        st.tuples(st.just("bounce"), st.just(PUMP)),
        st.tuples(st.just("node dies"), st.just(PUMP)),
        st.tuples(st.just("restart"), st.just(PUMP)),
    ),
    max_size=40,
)


def story(at: Floor, steps: list[tuple[str, str]], *, aliased: bool) -> tuple[list[Outgoing], dict[str, int | None]]:
    """Return what an edge node says on its way through *steps*, and the starts of each pump that then hold."""
    node = edge_node(at.now, aliased=aliased)
    death = node.connect()
    said = [*node.births()]
    starts: dict[str, int | None] = {device: METRICS[device]["starts"] for device in (PUMP, OTHER)}  # type: ignore[misc]
    alive = True
    for count, (step, device) in enumerate(steps, start=100):
        at.now.time += MILLISECOND
        if not alive or step == "restart":
            said += [*([death] if alive else [])]
            death, alive = node.connect(), True
            said += node.births()
        elif step == "data":
            said.append(node.data(device, {"starts": count}))
            starts[device] = count
        elif step == "bounce":
            said += [node.device_death(device), node.birth(device)]
        else:
            said.append(death)
            alive = False
    return said, starts if alive else dict.fromkeys(starts)


def settled(at: Floor) -> dict[str, object]:
    latest = at.latest()
    return {device: latest[pump(number), "starts"] for number, device in enumerate((PUMP, OTHER), start=1)}


@given(STEPS, ALIASED)
def test_all_that_arrives_in_order_is_right_and_needs_no_rebirth(steps: list[tuple[str, str]], aliased: bool) -> None:
    at = floor()
    said, starts = story(at, steps, aliased=aliased)
    at.hear(*said)
    assert settled(at) == starts
    assert at.wait(3_600 * SECOND).rebirths == []
    assert (at.out.rebirths, reasons(at.out), at.host.due) == ([], [], None)


@given(st.integers(1, 400), st.randoms(use_true_random=False), ALIASED)
def test_data_in_any_order_within_the_wait_loses_nothing(count: int, random: Random, aliased: bool) -> None:
    at = floor()
    node = edge_node(at.now, aliased=aliased)
    at.hear(*node.births())
    messages = [node.data(PUMP, {"starts": number}) for number in range(count)]
    shuffled = []
    for first in range(0, count, 20):
        block = messages[first : first + 20]
        random.shuffle(block)
        shuffled += block
    heard = at.hear(*shuffled)
    assert [batch.values for batch in heard.readings] == [[number] for number in range(count)]
    assert (at.out.rebirths, reasons(at.out), at.host.due) == ([], [], None)


def on_its_way(fates: list[str]) -> list[int]:
    """Return the numbers of the messages in the order in which they arrive; those overtaken come behind the next."""
    arrived: list[int] = []
    overtaken: list[int] = []
    for number, fate in enumerate(fates):
        if fate == "kept":
            arrived += [number, *overtaken]
            overtaken = []
        elif fate == "overtaken":
            overtaken.append(number)
    return arrived + overtaken


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["kept", "kept", "lost", "overtaken"]), min_size=1, max_size=250), ALIASED)
def test_a_rebirth_is_asked_for_exactly_when_something_is_missing(fates: list[str], aliased: bool) -> None:
    at = floor(reorder_timeout="2s")
    node = edge_node(at.now, aliased=aliased)
    at.hear(*node.births())
    messages = [node.data(PUMP, {"starts": number}) for number in range(len(fates))]
    arrived = on_its_way(fates)
    at.hear(*(messages[number] for number in arrived))
    at.wait(2 * SECOND)
    noticeable = sorted(arrived) != list(range(len(arrived)))
    assert len(at.out.rebirths) == noticeable
    if noticeable:
        at.hear(*node.births(), node.data(PUMP, {"starts": -1}))
        assert at.latest()[pump(), "starts"] == -1
    assert at.wait(3_600 * SECOND).rebirths == []


@given(st.lists(st.sampled_from(["kept", "lost"]), min_size=1, max_size=60))
def test_every_value_becomes_a_reading_or_a_dead_letter(fates: list[str]) -> None:
    at = floor()
    node = edge_node(at.now)
    at.hear(*node.births())
    before = len(at.out.readings)
    for number, fate in enumerate(fates):
        message = node.data(PUMP, {"starts": number})
        if fate == "kept":
            at.hear(message)
    at.wait(3_600 * SECOND)
    told = len(at.out.readings) - before + reasons(at.out).count("no_birth")
    assert told == fates.count("kept")
