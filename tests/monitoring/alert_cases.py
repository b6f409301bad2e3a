"""When each alert fires and when it stays quiet: series by which promtool plays both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Series to its samples, in promtool's notation: `0+10x60` begins at 0 and adds 10 for 60 steps, `_` is a missing one.
Series = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """What one alert is tried with.

    Attributes:
        fires: series by which it fires.
        quiet: series that come near, by which it does not.
        at: when it is looked at.
        labels: that it fires with, besides its name and severity.
        step: time between two samples, and between two evaluations.
    """

    fires: Series
    quiet: Series
    at: str
    labels: Mapping[str, str]
    step: str = "1m"


def _frames(in_time: str, all_of_them: str) -> Series:
    labels = 'service="context", stage="raw"'
    return {
        f'andon_latency_seconds_bucket{{{labels}, le="1.0"}}': in_time,
        f"andon_latency_seconds_count{{{labels}}}": all_of_them,
    }


def _verdicts(in_time: str) -> Series:
    bucket = 'andon_latency_seconds_bucket{service="inference", stage="feature", le="%s"}'
    return {bucket % "1.0": in_time, bucket % "10.0": "0+100x60", bucket % "+Inf": "0+100x60"}


def _one(series: str, fires: str, quiet: str, at: str, labels: Mapping[str, str], step: str = "1m") -> Case:
    return Case({series: fires}, {series: quiet}, at, labels, step)


_DEADLETTERS = 'andon_deadletters_total{service="feature", stage="context", reason="late"}'
_REFUSED = 'andon_models_refused_total{asset_class="pump"}'
_RETRAIN = 'andon_retrain_requests_total{asset_class="pump", origin="drift", outcome="failed"}'
_SPOOL, _LIMIT = 'andon_spool_bytes{instance="ingest-0"}', 'andon_spool_limit_bytes{instance="ingest-0"}'
_WAITING, _LAST = 'andon_waiting_notifications{sink="mes"}', 'andon_last_notification_seconds{sink="mes"}'
_ACTS = 'andon_model_info{asset_class="pump", role="%s", version="v1", verified="%s"}'
_CREATED = 'andon_model_created_seconds{asset_class="pump", role="production", version="v1"}'
_SAID = 'andon_inferences_total{asset_class="pump", role="production", decision="%s"}'
_PROMISED, _ACHIEVED = (f'andon_drift_{which}_alarms{{asset_class="pump"}}' for which in ("promised", "achieved"))
_FALSE = 'andon_alert_verdicts{asset_class="pump", model="m/v1", verdict="false"}'
_ALLOWED = 'andon_allowed_alarms{asset_class="pump"}'

CASES: Mapping[str, Case] = {
    # 2 % slow for an hour are 20 times what the budget allows; 2 % for five minutes only, or 0.05 % for long, are not.
    "AndonFramesSlow": Case(
        _frames("0+980x120", "0+1000x120"), _frames("0+1000x110 109990+980x10", "0+1000x120"), "2h", {}
    ),
    "AndonFramesSlowLong": Case(
        _frames("0+998x96", "0+1000x96"), _frames("0+999.5x96", "0+1000x96"), "4d", {}, step="1h"
    ),
    "AndonServiceGone": _one(
        'andon_build_info{service="feature", version="1"}', "1x10 _x20", "1x30", "20m", {"service": "feature"}
    ),
    "AndonNoProgress": _one(
        'andon_progress_age_seconds{service="feature"}', "0+60x20", "0 60 100 0+1x20", "10m", {"service": "feature"}
    ),
    "AndonLagGrows": _one(
        'andon_lag_records{service="alert", partition="0"}',
        "0+500x60",
        "60000-900x60",  # much, but less every minute
        "50m",
        {"service": "alert"},
    ),
    "AndonVerdictsLate": Case(_verdicts("0+10x60"), _verdicts("0+99x60"), "50m", {}),
    "AndonDeadLetters": Case(
        {_DEADLETTERS: "_x30 1x30"},  # the very first one brings the series with it
        {_DEADLETTERS: "1 1+0x60"},
        "40m",
        {"service": "feature", "stage": "context", "reason": "late"},
    ),
    "AndonDatabaseAway": _one(
        'andon_database_away{service="historian"}', "0x5 1x20", "1x3 0x22", "15m", {"service": "historian"}
    ),
    "AndonContextStale": _one(
        'andon_context_stale{service="context"}', "1x30", "1x5 0x25", "20m", {"service": "context"}
    ),
    "AndonLakeFull": _one('andon_lake_full{service="historian"}', "1x20", "0x20", "15m", {"service": "historian"}),
    "AndonPeopleNotTold": Case(
        {_WAITING: "3x60", _LAST: "0x60"},
        {_WAITING: "3x60", _LAST: "0+60x60"},  # some wait always, and are taken
        "40m",
        {"sink": "mes"},
    ),
    "AndonCertificateExpires": _one(
        'andon_certificate_expiry_seconds{service="registry", file="tls.pem"}',
        "1000000x120",
        "2000000x120",
        "2h",
        {"service": "registry", "file": "tls.pem"},
    ),
    "AndonSourceAway": _one(
        'andon_source_connected{source="plc"}', "1x5 0x20", "1x5 0x3 1x20", "15m", {"source": "plc"}
    ),
    "AndonSourceSilent": _one(
        'andon_silent_assets{service="ingest"}', "0x5 2x30", "0x5 2x5 0x20", "30m", {"service": "ingest"}
    ),
    "AndonKafkaAway": _one('andon_kafka_away{service="ingest"}', "1x20", "1x3 0x20", "15m", {"service": "ingest"}),
    "AndonSpoolFills": Case(
        {_SPOOL: "0+2x60", _LIMIT: "150x60"},
        {_SPOOL: "90x60", _LIMIT: "150x60"},  # more than half, but it stays so
        "50m",
        {"instance": "ingest-0"},
    ),
    "AndonFramesLost": _one(
        'andon_spool_dropped_total{policy="drop_oldest"}', "0x10 5x20", "5x30", "20m", {"policy": "drop_oldest"}
    ),
    "AndonClockSkew": _one('andon_source_skew_seconds{source="plc"}', "-8x60", "4x60", "50m", {"source": "plc"}),
    "AndonModelUnverified": Case(
        {_ACTS % ("production", "none"): "1x20"},
        {_ACTS % ("shadow", "author"): "1x20", _ACTS % ("production", "approver"): "1x20"},
        "10m",
        {"asset_class": "pump", "role": "production", "version": "v1"},
    ),
    "AndonModelRefused": Case({_REFUSED: "_x30 1x30"}, {_REFUSED: "1x60"}, "40m", {"asset_class": "pump"}),
    "AndonModelStale": _one(_CREATED, "-15600000x120", "-15000000x120", "2h", {"asset_class": "pump", "version": "v1"}),
    "AndonRegistryAway": _one(
        'andon_registry_connected{service="inference"}', "0x30", "0x10 1x20", "25m", {"service": "inference"}
    ),
    "AndonModelAbstains": Case(
        {_SAID % "abstain": "0+60x60", _SAID % "normal": "0+40x60"},
        {_SAID % "abstain": "0+10x60", _SAID % "normal": "0+90x60"},
        "50m",
        {"asset_class": "pump"},
    ),
    "AndonParityBroken": _one(
        'andon_parity_mismatches_total{asset_class="pump", definition="d"}',
        "0x30 1x30",
        "3x60",
        "45m",
        {"asset_class": "pump", "definition": "d"},
    ),
    "AndonDriftBudget": Case(
        {_ACHIEVED: "2x30", _PROMISED: "1x30"}, {_ACHIEVED: "1x30", _PROMISED: "1x30"}, "20m", {"asset_class": "pump"}
    ),
    "AndonDriftFound": Case(
        {'andon_drift_state{asset="hall/pump-1", state="drift"}': "0x5 1x20"},
        {'andon_drift_state{asset="hall/pump-1", state="warning"}': "1x30"},
        "20m",
        {"asset": "hall/pump-1"},
    ),
    "AndonRetrainFailed": Case(
        {_RETRAIN: "_x80 1x30"},
        {_RETRAIN.replace("failed", "published"): "_x80 1x30"},
        "90m",
        {"asset_class": "pump", "origin": "drift"},
    ),
    "AndonFalseAlarms": Case(
        {_FALSE: "1x170 5x130", _ALLOWED: "3x300"},
        {_FALSE: "5x300", _ALLOWED: "3x300"},  # more than a week ago
        "8d",
        {"asset_class": "pump"},
        step="1h",
    ),
}
