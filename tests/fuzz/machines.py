"""What machines and gateways send: names, MQTT bodies, Sparkplug payloads, OPC UA notifications."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from andon.contracts import DeadLetterReason
from andon.errors import NameRuleError
from andon.sparkplug.v1.payload_pb2 import Metric, Payload
from andon.stream.deadletters import encode_letter, source_letter
from andon.uns import parse_sparkplug, sparkplug_asset
from andon.uns.mqtt import parse_mqtt_asset, parse_mqtt_tag
from andon.uns.names import check_asset, check_tag, parse_topic
from andon.uns.sparkplug import SparkplugMessage, SparkplugState, SparkplugTopic
from andon.uns.umh import parse_umh, umh_tag
from services.ingest.framing.framer import Framer
from services.ingest.mqtt.config import MqttRule
from services.ingest.mqtt.payloads import PayloadError
from services.ingest.mqtt.rules import Rules
from services.ingest.opcua.bounds import bound_decoder
from services.ingest.opcua.values import add_items
from services.ingest.readings import Readings, Signals
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.host import Host
from services.ingest.sparkplug.payload import MalformedError, parse
from tests.fuzz.plant import ASSET, PLANT
from tests.fuzz.target import Backends, Parse, Target, always

_NOW = 1_767_225_600_000_000
_SIGNALS = Signals(PLANT)
_NUMBERS = [number for number, (asset, _) in enumerate(_SIGNALS) if asset == ASSET]


def _framed(*batches: Readings) -> None:
    """Make frames of readings; each is in a frame, or refused with a reason."""
    framer = Framer(PLANT, _SIGNALS)
    for batch in batches:
        framer.add(batch)
    framed = framer.due(_NOW, all_of_it=True)
    assert len(framer) == 0
    for _, refusal in framed.refused:
        _told(refusal.address, refusal.reason, refusal.detail, refusal.payload)


def _told(address: str, reason: DeadLetterReason, detail: str, payload: bytes) -> None:
    """Make the dead letter of a refusal."""
    assert detail
    letter = {"service": "ingest", "source": "s", "number": "1", "key": None, "now": _NOW}
    encode_letter(source_letter(**letter, address=address, reason=reason, detail=detail, payload=payload))  # type: ignore[arg-type]


# Names.

_TOPIC = "uns.v1.acme.north.raw"
_PARSERS: tuple[Callable[[str], Any], ...] = (
    *(parse_topic, check_asset, check_tag, parse_mqtt_asset, parse_mqtt_tag, parse_umh, parse_sparkplug),
)


def _names(data: bytes) -> None:
    """Read a name by every rule; what fits none is refused with what the last one says."""
    name = data.decode(errors="surrogateescape")
    refusals = [_name(parser, name) for parser in _PARSERS]
    if all(refusals):
        raise NameRuleError(refusals[-1], segment=name)


def _name(parser: Callable[[str], Any], name: str) -> str:
    try:
        found = parser(name)
    except NameRuleError as refusal:
        return str(refusal)
    assert str(found) == name
    with contextlib.suppress(NameRuleError):
        if parser is parse_umh:
            assert umh_tag(found).topic() == found
        elif isinstance(found, SparkplugTopic):
            assert sparkplug_asset(found).topic(found.message) == found
    return ""


# MQTT: a topic, a line break, a body.

_RULES = [
    {"topic": "umh/v1/#", "payload": "umh"},
    {"topic": "json/{unit}", "asset": "water/line-1/station-1/{unit}", "time": "/t"},
    {"topic": "ms/{unit}", "asset": "water/line-1/station-1/{unit}", "time": "/t", "time_format": "epoch_ms"},
    {"topic": "s/{tag}", "asset": ASSET, "tag": "{tag}", "time": "/t", "time_format": "epoch_s"},
    {"topic": "places", "asset": ASSET, "values": {"flow": "/d/0/v", "mode": "/~1m"}, "time": "/d/0/t"},
    {"topic": "value/{tag}", "payload": "value", "asset": ASSET, "tag": "{tag}", "time": "arrival"},
    {"topic": "opcua", "payload": "opcua_pubsub_json", "asset": ASSET, "fields": {"vibration": "v"}},
]
_BODIES: list[tuple[str, Any]] = [
    (f"umh/v1/acme/north/{ASSET}/_historian/flow", {"timestamp_ms": _NOW // 1_000, "value": 41.7}),
    ("json/pump-3", {"t": "2026-01-01T00:00:00Z", "flow": 1, "mode": "auto", "running": True, "motor": {"x": 1}}),
    ("ms/pump-3", {"t": _NOW / 1_000, "starts": 4, "power": None}),
    ("s/flow", {"t": _NOW // 1_000_000, "value": 3}),
    ("places", {"d": [{"v": 1.5, "t": "2026-01-01T00:00:00+01:00"}], "/m": "hand"}),
    ("value/flow", 12.5),
    (
        "opcua",
        {"Messages": [{"Timestamp": "2026-01-01T00:00:00Z", "Payload": {"flow": {"Value": 1, "StatusCode": 0}}}]},
    ),
    ("opcua", [{"NodeId": "v", "Value": {"Value": 3.5, "SourceTimestamp": "2026-01-01T00:00:00Z"}}]),
]
_MQTT = Rules([MqttRule.model_validate(rule) for rule in _RULES], _SIGNALS)


def _mqtt(data: bytes) -> None:
    topic, _, body = data.partition(b"\n")
    address = topic.decode(errors="replace")  # the client lets no other text through
    try:
        batch, _ = _MQTT.channel(address).read(body, _NOW)
    except PayloadError as error:
        _told(address, error.reason, str(error), body)
        raise
    _framed(batch)


# Sparkplug.

_GROUP, _NODE = "acme:north", "water:line-1"
_DEVICE = "station-1:pump-3"
_CONFIG = SparkplugConfig.model_validate({"name": "floor", "kind": "sparkplug", "broker": {"host": "127.0.0.1"}})
_KINDS = tuple(kind for kind in SparkplugMessage if kind not in ("NCMD", "DCMD"))


def _address(kind: SparkplugMessage) -> str:
    return str(SparkplugTopic(_GROUP, kind, _NODE, _DEVICE if kind.of_device else None))


def _payload(seq: int, *, named: bool = True) -> bytes:
    sent = _NOW // 1_000
    metrics = [
        Metric(name="bdSeq", timestamp=sent, datatype=4, long_value=1),
        Metric(name="flow" if named else None, alias=1, timestamp=sent, datatype=10, double_value=41.7),
        Metric(name="starts" if named else None, alias=2, timestamp=sent, datatype=3, int_value=2**32 - 1),
        Metric(name="mode" if named else None, alias=3, datatype=12, string_value="auto", is_historical=True),
        Metric(name="running" if named else None, alias=4, datatype=11, is_null=True),
    ]
    metrics[1].properties.keys.append("Quality")
    metrics[1].properties.values.add(type=3, int_value=192)
    return Payload(timestamp=sent, seq=seq, metrics=metrics).SerializeToString()


def _sparkplug(data: bytes) -> None:
    """Let a host hear a body as each kind of message, after sound births."""
    host = Host(_CONFIG, PLANT, _SIGNALS)
    outcomes = [host.receive(_address(kind), _payload(seq), _NOW) for seq, kind in enumerate(_BIRTHS)]
    outcomes += [host.receive(_address(kind), data, _NOW) for kind in _KINDS]
    outcomes += [host.receive(str(SparkplugState("andon")), data, _NOW), host.tick(_NOW + 3_600_000_000)]
    _framed(*(batch for out in outcomes for batch in out.readings))
    for refusal in (refusal for out in outcomes for refusal in out.refusals):
        _told(refusal.address, refusal.reason, refusal.detail, refusal.payload)
    again = parse(data).SerializeToString()
    assert parse(again).SerializeToString() == again


_BIRTHS = (SparkplugMessage.NBIRTH, SparkplugMessage.DBIRTH)


# OPC UA: values as asyncua hands them over, described in JSON: [value, status code, source and server time in 100 ns].

#: The last moment that asyncua knows: the end of year 9999, in 100 ns since 1601.
_LAST_TICK = 2_650_467_743_990_000_000


def _opcua(data: bytes) -> None:
    try:
        described = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"no description: {error}") from None
    values = described if isinstance(described, list) else [described]
    batch = Readings(_NOW)
    items = [_item(number % len(_NUMBERS), value) for number, value in enumerate(values)]
    add_items(batch, items, _NUMBERS)
    _framed(batch)


def _item(handle: int, described: Any) -> Any:
    value, status, *times = [*(described if isinstance(described, list) else [described]), *[None] * 4][:4]
    source, server = (_moment(each) if isinstance(each, int) else None for each in times)
    variant = None if value is None else _Variant(value)
    code = ua.StatusCode(ua.UInt32(status % 2**32)) if isinstance(status, int) else None
    given: dict[str, Any] = {"Value": variant, "StatusCode": code, "SourceTimestamp": source, "ServerTimestamp": server}
    return ua.MonitoredItemNotification(ua.UInt32(handle), ua.DataValue(**given))


@dataclass(frozen=True, slots=True)
class _Variant:
    """A value as it was decoded; asyncua's own class guesses a type, and some values have none."""

    Value: Any


def _moment(ticks: int) -> datetime:
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks % _LAST_TICK // 10)


def _notification() -> bytes:
    values = [41.7, 3, True, "auto", [0.5, 1.5], None, 2**62, {"Body": "x"}]
    return orjson.dumps([[value, status, _TICK, _TICK + 1] for status, value in enumerate(values)])


# OPC UA: a notification in the binary encoding.


@contextlib.contextmanager
def _decoder(_: Backends) -> Iterator[Parse]:
    bound_decoder()
    yield _decoded


def _decoded(data: bytes) -> None:
    try:
        struct_from_binary(ua.DataChangeNotification, Buffer(data))
    except AssertionError:  # from asyncua's own and from ours, such as a hang
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, asyncua passes the message over
        raise MalformedError(repr(error)) from None


def _encoded() -> bytes:
    values: list[Any] = [41.7, 3, True, "auto", [0.5, 1.5], None, 2**62, b"bytes", ["a", "b"], [[1, 2], [3, 4]]]
    values += [
        ua.NodeId(ua.String("a"), ua.Int16(2)),
        ua.LocalizedText("a"),
        [ua.Argument(Name="a")],
        datetime(2026, 1, 1, tzinfo=UTC),
    ]
    moment: Any = _moment(_TICK)  # ua.DateTime is a class of its own only to type checkers
    given = [ua.DataValue(Value=ua.Variant(value), SourceTimestamp=moment) for value in values]
    items = [ua.MonitoredItemNotification(ua.UInt32(handle), value) for handle, value in enumerate(given)]
    return bytes(struct_to_binary(ua.DataChangeNotification(MonitoredItems=items)))


#: The same moment as `_NOW`.
_TICK = 134_117_568_000_000_000


TARGETS = (
    Target(
        "names",
        "a topic, asset path or tag of any notation is refused, naming the part, or is written as it was read",
        always(_names),
        lambda: [
            *(_TOPIC.encode(), ASSET.encode(), b"flow", f"{_TOPIC.replace('.', '/')}/{ASSET}/flow".encode()),
            *(b"umh.v1.acme.north.water.line-1._historian.motor.flow", b"spBv1.0/STATE/andon"),
            *(_address(kind).encode() for kind in _BIRTHS),
        ],
        (NameRuleError,),
    ),
    Target(
        "mqtt",
        "a message of any of the four payloads becomes frames or one dead letter",
        always(_mqtt),
        lambda: [topic.encode() + b"\n" + orjson.dumps(body) for topic, body in _BODIES],
        (PayloadError,),
    ),
    Target(
        "sparkplug",
        "a body, heard as each kind of message of a living edge node, becomes frames and dead letters",
        always(_sparkplug),
        lambda: [_payload(2), _payload(2, named=False), _payload(0)],
        (MalformedError,),
    ),
    Target(
        "opcua",
        "values of any type, status and time that asyncua hands over become frames",
        always(_opcua),
        lambda: [_notification()],
        (MalformedError,),
    ),
    Target(
        "opcua-encoding",
        "asyncua's decoder, as Andon bounds it, takes a notification or refuses it; whatever lengths are stated in it",
        _decoder,
        lambda: [_encoded()],
        (MalformedError,),
    ),
)
