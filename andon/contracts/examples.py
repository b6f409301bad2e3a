"""One event of every kind, as a bearing of one pump wears out. They stand in the generated documentation."""

from __future__ import annotations

import base64
import zlib

from pydantic import BaseModel

from andon.contracts.alerting import Alert, AlertState, Feedback, Verdict
from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.deadletter import DeadLetter, DeadLetterReason
from andon.contracts.frames import Bounds, Context, ContextFrame, Frame, MachineState, Waveform
from andon.contracts.headers import CONTRACT_HEADER
from andon.contracts.ids import event_id
from andon.contracts.kpi import Oee
from andon.contracts.lifecycle import DriftEvidence, DriftReport, ModelEvent, PlantEvent
from andon.contracts.scoring import Contribution, Decision, FeatureVector, Inference, ModelRef
from andon.uns import Stage

_PUMP = "water/line-1/station-1/pump-3"
_CLASS = "centrifugal-pump"
_START = 1_767_225_600_000_000  # 2026-01-01 00:00:00 UTC
_END = _START + 10_000_000
_SEEN = _END + 40_000
_ALERT = f"{_PUMP}@{_END}:alert"
_DEFINITION = "5f0c9a41d2e7"
_DIGEST = "9b74c9897bac770ffc029102a200c5de3f1e0d4c6a1b2c3d4e5f60718293a4b5"
_MODEL = ModelRef(name="centrifugal-pump-anomaly", version="2026.1.0", digest=_DIGEST)
_REASON = Contribution(
    feature="vibration_rms",
    tag="vibration",
    share=0.81,
    value=6.4,
    normal=2.1,
    deviation=8.6,
    difference=4.3,
    unit="mm/s",
    words="vibration RMS 4.3 mm/s above normal",
)

_FRAME = Frame(
    id=event_id(_PUMP, _START, Stage.RAW, CONTRACT_VERSION),
    asset=_PUMP,
    time=_START,
    ingest_time=_START + 12_000,
    server_time=_START + 4_000,
    session="opcua-plc-7@1767200000",
    sequence=25_600,
    values={
        "flow": 41.7,
        "starts": 1_204,
        "running": True,
        "mode": "auto",
        "vibration": 6.2,
        "bearing_temperature": None,
        "acceleration": Waveform(rate_hz=25_600.0, samples=[0.02, -0.13, 0.31, -0.28]),
    },
    status={"bearing_temperature": 0x80310000},
)

_CONTEXT = Context(
    order="4711", batch="B-0815", product="drinking-water", shift="2025-12-31 night", machine_state=MachineState.RUNNING
)

_CONTEXT_FRAME = ContextFrame(
    id=event_id(_PUMP, _START, Stage.CONTEXT, CONTRACT_VERSION),
    asset=_PUMP,
    time=_START,
    ingest_time=_START + 12_000,
    session="opcua-plc-7@1767200000",
    sequence=25_600,
    values={"flow": 11.58, "vibration": 6.2},
    asset_class=_CLASS,
    plant="0c8d1f6e92ab",
    units={"flow": "L/s", "vibration": "mm/s"},
    limits={"vibration": Bounds(high=7.1, high_high=11.0)},
    context=_CONTEXT,
    quality_score=0.9962,
)

_FEATURES = FeatureVector(
    id=event_id(_PUMP, _END, Stage.FEATURE, _DEFINITION),
    asset=_PUMP,
    time=_END,
    ingest_time=_SEEN,
    asset_class=_CLASS,
    definition=_DEFINITION,
    start=_START,
    samples=10,
    expected=10,
    good_ratio=1.0,
    context=_CONTEXT,
    features={"flow_mean": 11.5, "vibration_mean": 6.3, "vibration_rms": 6.4, "vibration_std": None},
)

_INFERENCE = Inference(
    id=event_id(_PUMP, _END, Stage.INFERENCE, _MODEL.version),
    asset=_PUMP,
    time=_END,
    ingest_time=_SEEN,
    asset_class=_CLASS,
    definition=_DEFINITION,
    start=_START,
    model=_MODEL,
    decision=Decision.ANOMALY,
    score=31.2,
    threshold=14.5,
    contributions=[_REASON],
    context=_CONTEXT,
)

_OPENED = Alert(
    id=event_id(_PUMP, _END, Stage.ALERT, f"{_END}-open"),
    asset=_PUMP,
    time=_END,
    ingest_time=_SEEN,
    alert=_ALERT,
    asset_class=_CLASS,
    state=AlertState.OPEN,
    severity="warning",
    opened=_END,
    since=_END,
    message="Vibration of pump-3 is 6.4 mm/s, normal is 2.1: grease the drive-end bearing, plan its change.",
    causes=["vibration:anomaly"],
    use_case="unplanned pump stops",
    owner="maintenance",
    score=31.2,
    threshold=14.5,
    contributions=[_REASON],
    inference=_INFERENCE.id,
    model=_MODEL,
    context=_CONTEXT,
)

_VERDICT = Feedback(
    id=event_id(_PUMP, _END + 3_600_000_000, Stage.FEEDBACK, "maintenance"),
    asset=_PUMP,
    time=_END + 3_600_000_000,
    ingest_time=_END + 3_600_000_000,
    alert=_ALERT,
    verdict=Verdict.REAL,
    note="Bearing dry, greased. Outer race is pitted, change ordered.",
    author="maintenance",
    model=_MODEL,
)

_DRIFT = DriftReport(
    id=event_id(_PUMP, _END, Stage.DRIFT, "9f86d081884c"),
    asset=_PUMP,
    time=_END,
    ingest_time=_SEEN,
    asset_class=_CLASS,
    definition="2c26b46b68ff",
    model=_MODEL,
    state="drift",
    cause="process_drift",
    since=_START,
    sensors=["vibration", "bearing_temperature"],
    evidence=[
        DriftEvidence(
            detector="level",
            subject="vibration_mean",
            tag="vibration",
            statistic=14.2,
            threshold=13.8,
            e_value=5_200.0,
            shift=1.4,
            since=_START,
            words="vibration mean 0.8 mm/s above what the other signals foretell",
        )
    ],
    promised=1.0,
    retrain="wanted",
    message="Pump 3 (station 1) has not been as in its reference period since 2026-01-01T08:00:00.000+00:00: vibration "
    "mean 0.8 mm/s above what the other signals foretell.",
    action="Find out what has changed at the machine: wear, a repair, a new setting. If it is to stay so, a new model "
    "is asked for; if not, have it put right.",
)

_OEE = Oee(
    id=event_id(_PUMP, _START, Stage.KPI, "drinking-water"),
    asset=_PUMP,
    time=_START,
    ingest_time=_SEEN,
    revision=480,
    asset_class=_CLASS,
    shift="2026-01-01 night",
    product="drinking-water",
    until=_START + 28_800_000_000,
    planned_busy_time=27_000.0,
    actual_production_time=24_300.0,
    idle_time=900.0,
    down_time=1_800.0,
    setup_time=0.0,
    planned_stop_time=1_800.0,
    unknown_time=0.0,
    produced_quantity=1_134.0,
    good_quantity=1_122.7,
    unit="m**3",
    item_time=20.0,
    availability=0.9,
    effectiveness=0.933,
    quality_ratio=0.99,
    oee_index=0.832,
)

_PROMOTED = ModelEvent(
    id=f"{_MODEL.name}@{_START}:promoted:{_MODEL.version}",
    time=_START,
    name=_MODEL.name,
    version=_MODEL.version,
    digest=_DIGEST,
    action="promoted",
    alias="production",
    actor="quality",
    reason="Finds all 14 known faults, 0.2 false alarms a week.",
)

_SHIFT = PlantEvent(
    id=f"north@{_START}:event:shift",
    time=_START,
    end=_START + 28_800_000_000,
    kind="shift",
    name="night",
    attributes={"crew": "B"},
)

_POISON = DeadLetter(
    id="uns.v1.acme.north.raw/3@1234:deadletter:context",
    time=_SEEN,
    service="context",
    reason=DeadLetterReason.NOT_JSON,
    detail="not JSON: unexpected end of data at column 14",
    topic="uns.v1.acme.north.raw",
    partition=3,
    offset=1_234,
    key=base64.b64encode(_PUMP.encode()).decode(),
    value=base64.b64encode(zlib.compress(b'{"id": "water/')).decode(),
    headers={CONTRACT_HEADER: base64.b64encode(CONTRACT_VERSION.encode()).decode()},
)

#: Contract to an example of it.
EXAMPLES: dict[type[BaseModel], BaseModel] = {
    type(event): event
    for event in (
        _FRAME,
        _CONTEXT_FRAME,
        _FEATURES,
        _INFERENCE,
        _OPENED,
        _VERDICT,
        _DRIFT,
        _OEE,
        _PROMOTED,
        _SHIFT,
        _POISON,
    )
}
