"""The host application, message by message, by the rules of the Sparkplug specification 3.0.0."""

from __future__ import annotations

import pytest

from andon.clock import MILLISECOND, SECOND
from andon.contracts import Origin
from andon.sparkplug.v1.payload_pb2 import Metric, Payload, PropertySet, PropertyValue
from services.ingest.readings import BAD_NO_COMMUNICATION, BAD_TYPE_MISMATCH
from services.ingest.sparkplug.payload import BAD, UNCERTAIN, UNCERTAIN_LAST_USABLE_VALUE

from .floor import GROUP, NODE, NODE_TOPIC, OTHER, PUMP, T0, edge_node, floor, pump, reasons, values

NCMD = NODE_TOPIC % "NCMD"
TEMPERATURE = (pump(), "motor.temperature")
MINUTE = 60 * SECOND


def metric_of_pump(metric: Metric, *, seq: int) -> tuple[str, bytes]:
    payload = Payload(seq=seq, timestamp=T0 // MILLISECOND, metrics=[metric])
    return f"spBv1.0/{GROUP}/DDATA/{NODE}/{PUMP}", payload.SerializeToString()


def test_births_are_values_and_data_follows_by_alias() -> None:
    at = floor()
    node = edge_node(at.now)
    heard = at.hear(*node.births())
    assert reasons(heard) == []
    assert sorted(heard.expected) == list(range(9))
    assert values(*heard.readings) == {
        ("water/line-1", "power"): 11.0,
        (pump(1), "motor.temperature"): 40.0,
        (pump(1), "starts"): 3,
        (pump(1), "running"): True,
        (pump(1), "mode"): "auto",
        (pump(2), "motor.temperature"): 50.0,
        (pump(2), "starts"): 4,
        (pump(2), "running"): False,
        (pump(2), "mode"): "hand",
    }
    (batch,) = at.hear(node.data(PUMP, {"Motor/Temperature": 41.5}, time=T0 + 7_000)).readings
    assert values(batch) == {TEMPERATURE: 41.5}
    assert batch.source_times == [T0 + 7_000]
    assert batch.received == at.now()
    assert at.out.rebirths == []


def test_the_sequence_wraps_at_255() -> None:
    at = floor()
    node = edge_node(at.now)
    at.hear(*node.births(), *(node.data(PUMP, {"starts": count}) for count in range(600)))
    assert at.latest()[pump(), "starts"] == 599
    assert (at.out.rebirths, at.out.gaps, reasons(at.out)) == ([], 0, [])


def test_a_message_that_came_early_waits_for_those_before_it() -> None:
    at = floor()
    node = edge_node(at.now)
    at.hear(*node.births())
    first, second, third = (node.data(PUMP, {"starts": count}) for count in (10, 11, 12))
    assert at.hear(third, second).readings == []
    assert [values(batch)[pump(), "starts"] for batch in at.hear(first).readings] == [10, 11, 12]
    assert at.host.due is None
    assert at.wait(MINUTE).rebirths == []


def test_a_message_that_never_comes_leads_to_a_rebirth() -> None:
    at = floor(reorder_timeout="2s")
    node = edge_node(at.now)
    at.hear(*node.births())
    node.data(PUMP, {"starts": 10})  # lost
    assert at.hear(node.data(PUMP, {"starts": 11})).rebirths == []
    assert at.host.due == at.now() + 2 * SECOND
    late = at.wait(2 * SECOND)
    assert late.rebirths == [NCMD]
    assert reasons(late) == ["no_birth"]  # an alias may have changed its meaning in what was lost
    assert "message 3 has not come" in late.refusals[0].detail
    at.hear(*node.births(), node.data(PUMP, {"starts": 12}))
    assert at.latest()[pump(), "starts"] == 12
    assert at.host.due is None


def test_metrics_with_their_names_are_taken_even_when_messages_are_missing() -> None:
    at = floor()
    node = edge_node(at.now, aliased=False)
    at.hear(*node.births())
    node.data(PUMP, {"starts": 10})  # lost
    at.hear(node.data(PUMP, {"starts": 11}))
    late = at.wait(MINUTE)
    assert values(*late.readings) == {(pump(), "starts"): 11}
    assert (late.rebirths, late.refusals) == ([NCMD], [])


def test_messages_that_are_given_up_are_taken_in_their_order() -> None:
    at = floor()
    node = edge_node(at.now, aliased=False)
    at.hear(*(node.births() + [node.data(PUMP, {"starts": count}) for count in range(251)]))
    node.data(PUMP, {"starts": 10})  # lost: number 254
    at.hear(*reversed([node.data(PUMP, {"starts": count}) for count in (11, 12, 13)]))  # 255, 0, 1
    assert [batch.values for batch in at.wait(MINUTE).readings] == [[11], [12], [13]]


def test_data_before_birth_is_refused_and_a_rebirth_asked_for() -> None:
    at = floor()
    node = edge_node(at.now)
    node.births()  # before the host was there
    heard = at.hear(node.data(PUMP, {"starts": 1}), node.data(None, {"power": 1.0}))
    assert reasons(heard) == ["no_birth", "no_birth"]
    assert heard.refusals[0].payload
    assert heard.rebirths == [NCMD]


def test_a_birth_of_a_device_before_its_edge_node_is_refused() -> None:
    at = floor()
    heard = at.hear(edge_node(at.now).births()[1])
    assert (reasons(heard), heard.rebirths, heard.readings) == (["no_birth"], [NCMD], [])


def test_requests_for_a_rebirth_grow_rare() -> None:
    at = floor(rebirth_first="1s", rebirth_limit="8s")
    node = edge_node(at.now)
    node.births()
    asked = [
        round((at.now() - T0) / SECOND)
        for _ in range(400)  # 40 s of data, ten a second
        if at.hear(node.data(PUMP, {"starts": 1})).rebirths or at.wait(99_000).rebirths
    ]
    assert asked == [0, 1, 3, 7, 15, 23, 31, 39]
    at.hear(*node.births())
    assert at.wait(MINUTE).rebirths == []


def test_an_unknown_alias_is_refused_without_its_siblings() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    payload = Payload(seq=3, metrics=[Metric(alias=99, int_value=1), Metric(name="starts", long_value=5)])
    heard = at.hear((f"spBv1.0/{GROUP}/DDATA/{NODE}/{PUMP}", payload.SerializeToString()))
    assert values(*heard.readings) == {(pump(), "starts"): 5}
    assert (reasons(heard), heard.rebirths) == (["no_birth"], [NCMD])
    assert "alias 99" in heard.refusals[0].detail


def test_an_alias_of_another_device_is_unknown() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    heard = at.hear(metric_of_pump(Metric(alias=5, double_value=1.0), seq=3))  # pump-2's temperature
    assert (heard.readings, reasons(heard)) == ([], ["no_birth"])


def test_an_alias_that_two_metrics_have_belongs_to_neither() -> None:
    at = floor()
    twice = [Metric(name=name, alias=1, datatype=4, long_value=1) for name in ("starts", "motor.temperature")]
    birth = Payload(seq=1, metrics=twice).SerializeToString()
    heard = at.hear(edge_node(at.now).births()[0], (f"spBv1.0/{GROUP}/DBIRTH/{NODE}/{PUMP}", birth))
    assert reasons(heard) == ["malformed"]
    assert reasons(at.hear(metric_of_pump(Metric(alias=1, long_value=1), seq=2))) == ["no_birth"]


def test_a_dead_device_has_no_values_and_the_others_live_on() -> None:
    at = floor()
    node = edge_node(at.now)
    at.hear(*node.births())
    (batch,) = at.hear(node.device_death(PUMP)).readings
    assert set(values(batch)) == {(pump(), tag) for tag in ("motor.temperature", "starts", "running", "mode")}
    assert set(batch.values) == {None}
    assert set(batch.statuses) == {BAD_NO_COMMUNICATION}
    assert at.hear(node.data(OTHER, {"starts": 5})).refusals == []
    assert reasons(at.hear(node.data(PUMP, {"starts": 5}))) == ["no_birth"]
    at.hear(node.birth(PUMP), node.data(PUMP, {"starts": 6}))
    assert at.latest()[pump(), "starts"] == 6


def test_a_dead_edge_node_takes_its_devices_with_it() -> None:
    at = floor()
    node = edge_node(at.now)
    death = node.connect()
    at.hear(*node.births())
    heard = at.hear(death)
    assert len(values(*heard.readings)) == 9
    assert {code for batch in heard.readings for code in batch.statuses} == {BAD_NO_COMMUNICATION}
    assert reasons(at.hear(node.data(PUMP, {"starts": 5}))) == ["no_birth"]


def test_the_death_of_an_older_session_is_ignored() -> None:
    at = floor()
    node = edge_node(at.now)
    old = node.connect()
    at.hear(*node.births())
    node.connect()
    at.hear(*node.births())
    assert at.hear(old).readings == []
    assert at.hear(node.data(PUMP, {"starts": 5})).refusals == []


def test_the_same_message_twice_counts_once() -> None:
    at = floor()
    node = edge_node(at.now)
    message = node.births()
    at.hear(*message)
    data, more = node.data(PUMP, {"starts": 5}), node.data(PUMP, {"starts": 6})
    heard = at.hear(data, data, more)
    assert len(heard.readings) == 2
    assert (heard.refusals, heard.rebirths) == ([], [])


def test_two_clients_with_one_name_do_not_make_a_storm() -> None:
    at = floor(rebirth_first="1s", rebirth_limit="1min")
    one, two = edge_node(at.now), edge_node(at.now)
    at.hear(*one.births(), *two.births())
    for count in range(1_000):  # 100 s
        heard = at.hear(one.data(PUMP, {"starts": count}), two.data(PUMP, {"starts": -count}))
        for _ in [*heard.rebirths, *at.wait(98_000).rebirths]:
            at.hear(*one.births(), *two.births())
    assert 3 < len(at.out.rebirths) < 9


def test_a_host_that_was_away_trusts_no_alias_until_the_next_birth() -> None:
    at = floor(reorder_timeout="2s")
    node = edge_node(at.now)
    at.hear(*node.births())
    assert at.host.doubt(at.now()).rebirths == []
    assert at.wait(2 * SECOND).rebirths == [NCMD]  # nobody came by himself
    assert reasons(at.hear(node.data(PUMP, {"starts": 5}))) == ["no_birth"]
    at.hear(*node.births())
    assert at.hear(node.data(PUMP, {"starts": 6})).refusals == []
    at.host.doubt(at.now())
    node.connect()
    at.hear(*node.births())
    assert at.wait(MINUTE).rebirths == []


def test_history_is_backfill_and_the_rest_of_the_message_is_not() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    old = Metric(name="starts", timestamp=5, long_value=1, is_historical=True)
    payload = Payload(seq=3, timestamp=9, metrics=[old, Metric(name="Motor/Temperature", double_value=3.0)])
    live, history = at.hear((f"spBv1.0/{GROUP}/DDATA/{NODE}/{PUMP}", payload.SerializeToString())).readings
    assert (live.origin, values(live)) == (Origin.LIVE, {TEMPERATURE: 3.0})
    assert (live.source_times, live.server_times) == ([None], [9 * MILLISECOND])
    assert (history.origin, values(history)) == (Origin.BACKFILL, {(pump(), "starts"): 1})
    assert (history.source_times, history.server_times) == ([5 * MILLISECOND], [9 * MILLISECOND])


def test_a_null_is_no_value() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    (batch,) = at.hear(metric_of_pump(Metric(name="starts", is_null=True), seq=3)).readings
    assert (batch.values, batch.statuses) == ([None], [0])


def test_a_moment_that_no_calendar_holds_stays_in_bounds() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    (batch,) = at.hear(metric_of_pump(Metric(name="starts", timestamp=2**64 - 1, long_value=1), seq=3)).readings
    assert batch.source_times == [2**53]


@pytest.mark.parametrize(
    ("quality", "status"),
    [(192, 0), (0, BAD), (500, UNCERTAIN_LAST_USABLE_VALUE), (64, UNCERTAIN), (24, BAD), (216, 0), (9_999, UNCERTAIN)],
)
def test_qualities_become_status_codes(quality: int, status: int) -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    properties = PropertySet(keys=["engUnit", "Quality"], values=[PropertyValue(), PropertyValue(int_value=quality)])
    metric = Metric(name="starts", long_value=1, properties=properties)
    (batch,) = at.hear(metric_of_pump(metric, seq=3)).readings
    assert batch.statuses == [status]


@pytest.mark.parametrize(
    ("datatype", "metric", "value"),
    [
        (1, Metric(int_value=128), -128),  # two's complement of its own width
        (1, Metric(int_value=2**32 - 128), -128),  # and of the field's
        (1, Metric(int_value=127), 127),
        (2, Metric(int_value=0xFFFF), -1),
        (3, Metric(int_value=2**31), -(2**31)),
        (3, Metric(long_value=2**64 - 5), -5),
        (4, Metric(long_value=2**63), -(2**63)),
        (5, Metric(int_value=255), 255),
        (7, Metric(int_value=2**32 - 1), 2**32 - 1),
        (8, Metric(long_value=2**64 - 1), 2**64 - 1),
        (9, Metric(float_value=0.5), 0.5),
        (10, Metric(double_value=-0.1), -0.1),
        (11, Metric(boolean_value=False), False),
        (12, Metric(string_value="läuft"), "läuft"),
        (13, Metric(long_value=1_486_144_502_122), 1_486_144_502_122),
        (14, Metric(string_value=""), ""),
        (1, Metric(int_value=300), "wrong"),
        (5, Metric(int_value=256), "wrong"),
        (11, Metric(int_value=1), "wrong"),
        (10, Metric(string_value="1"), "wrong"),
        (12, Metric(double_value=1), "wrong"),
        (4, Metric(), "wrong"),
    ],
)
def test_values_by_data_type(datatype: int, metric: Metric, value: object) -> None:
    at = floor()
    metric.MergeFrom(Metric(name="starts", datatype=datatype))
    birth = Payload(seq=1, metrics=[metric]).SerializeToString()
    heard = at.hear(edge_node(at.now).births()[0], (f"spBv1.0/{GROUP}/DBIRTH/{NODE}/{PUMP}", birth))
    batch = heard.readings[-1]
    if value == "wrong":
        assert (batch.values, batch.statuses, reasons(heard)) == ([None], [BAD_TYPE_MISMATCH], ["malformed"])
    else:
        assert (batch.values, batch.statuses, reasons(heard)) == ([value], [0], [])
        assert type(batch.values[0]) is type(value)


@pytest.mark.parametrize("datatype", [16, 17, 18, 19, 22, 34, 99])
def test_arrays_data_sets_and_templates_are_refused_once_a_birth_without_their_siblings(datatype: int) -> None:
    at = floor()
    metrics = [Metric(name="mode", alias=70, datatype=datatype, bytes_value=b"\x01"), Metric(name="starts", datatype=4)]
    metrics[1].long_value = 5
    birth = Payload(seq=1, metrics=metrics).SerializeToString()
    heard = at.hear(edge_node(at.now).births()[0], (f"spBv1.0/{GROUP}/DBIRTH/{NODE}/{PUMP}", birth))
    assert reasons(heard) == ["unsupported"]
    assert values(heard.readings[-1]) == {(pump(), "starts"): 5}
    heard = at.hear(metric_of_pump(Metric(alias=70, bytes_value=b"\x02"), seq=2))
    assert (heard.readings, heard.refusals) == ([], [])


def test_metrics_without_a_tag_are_refused_once_a_birth_and_counted() -> None:
    at = floor()
    node = edge_node(at.now)
    names = ("colour", "Device Control/Reboot", "Properties/Firmware")
    metrics = [Metric(name=name, datatype=12, string_value="red") for name in names]
    birth = Payload(seq=1, metrics=metrics).SerializeToString()
    heard = at.hear(node.births()[0], (f"spBv1.0/{GROUP}/DBIRTH/{NODE}/{PUMP}", birth))
    assert reasons(heard) == ["unmapped"]
    assert heard.refusals[0].asset == pump()
    assert heard.refusals[0].detail == "no such tags in the plant model: colour"
    heard = at.hear(metric_of_pump(Metric(name="colour", string_value="blue"), seq=2))
    assert (heard.unmapped, heard.refusals) == (1, [])


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("spBv1.0/acme:north/NBIRTH/water:line-1", "no Sparkplug B payload"),
        ("spBv1.0/acme:north/XBIRTH/water:line-1", "XBIRTH"),
        ("spBv1.0/acme:north/NDATA", "levels"),
    ],
)
def test_what_is_no_sparkplug_is_one_dead_letter(topic: str, said: str) -> None:
    heard = floor().hear((topic, b"\xff\xff"))
    (refusal,) = heard.refusals
    assert (str(refusal.reason), refusal.address, refusal.payload) == ("malformed", topic, b"\xff\xff")
    assert said in refusal.detail


def test_a_sequence_number_above_255_is_malformed() -> None:
    at = floor()
    at.hear(*edge_node(at.now).births())
    assert reasons(at.hear(metric_of_pump(Metric(name="starts", long_value=1), seq=256))) == ["malformed"]
    birth = Payload(seq=256).SerializeToString()
    assert reasons(at.hear((NODE_TOPIC % "NBIRTH", birth))) == ["malformed"]


def test_commands_and_other_hosts_are_of_no_interest() -> None:
    heard = floor().hear((NCMD, b"\xff"), ("spBv1.0/STATE/other", b'{"online": false, "timestamp": 1}'))
    assert (heard.refusals, heard.state_denied) == ([], False)


@pytest.mark.parametrize(
    ("body", "denied"),
    [(b'{"online": false, "timestamp": 1}', True), (b"OFFLINE", True), (b'{"online": true}', False), (b"\xff", False)],
)
def test_somebody_who_says_that_this_host_is_offline_is_contradicted(body: bytes, denied: bool) -> None:
    assert floor().host.receive("spBv1.0/STATE/andon", body, T0).state_denied is denied


def test_a_birth_that_the_broker_retained_is_of_no_known_time() -> None:
    at = floor()
    topic, birth = edge_node(at.now).births()[0]
    out = at.host.receive(topic, birth, T0, retained=True)
    assert (out.readings, reasons(out)) == ([], ["malformed"])
    out = at.host.receive("spBv1.0/STATE/andon", b"OFFLINE", T0, retained=True)
    assert (out.refusals, out.state_denied) == ([], False)
