"""The catalogue of metrics: every metric named, typed and described in one place.

Names follow Prometheus' rules: prefix ``andon_``, base units (seconds, bytes), counters end in ``_total``.
A service that needs another metric adds it here; dashboards and alert rules are checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_DURATION = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 43_200.0)
_SIZE = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric; `labels` come after the label `service` that all have."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CATALOGUE: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        MetricSpec("andon_build_info", "gauge", "Always 1; says which version runs.", ("version",)),
        MetricSpec("andon_records_read_total", "counter", "Records read from the input topic.", ("stage",)),
        MetricSpec("andon_records_sent_total", "counter", "Records the broker acknowledged.", ("stage",)),
        MetricSpec("andon_sent_bytes_total", "counter", "Bytes of acknowledged record values.", ("stage",)),
        MetricSpec("andon_deadletters_total", "counter", "Records set aside, by reason code.", ("stage", "reason")),
        MetricSpec(
            "andon_records_replayed_total",
            "counter",
            "Records read again after a restart only to rebuild open windows.",
            ("stage",),
        ),
        MetricSpec(
            "andon_records_repeated_total",
            "counter",
            "Records that repeat what was processed before, as an upstream restart sends them; of no effect.",
            ("stage",),
        ),
        MetricSpec(
            "andon_records_passed_total",
            "counter",
            "Records of history, or with a corrected context, that came behind closed windows; they make none.",
            ("stage",),
        ),
        MetricSpec(
            "andon_unknown_tags_total",
            "counter",
            "Batches whose first record held a tag that the plant model does not know.",
            ("stage", "asset_class"),
        ),
        MetricSpec(
            "andon_latency_seconds",
            "histogram",
            "From a record's ingest to the acknowledgement of what this service made of it.",
            ("stage",),
            _LATENCY,
        ),
        MetricSpec(
            "andon_batch_seconds",
            "histogram",
            "Time to decode, process and encode one batch.",
            ("stage",),
            _DURATION,
        ),
        MetricSpec("andon_batch_records", "histogram", "Records in one batch.", ("stage",), _SIZE),
        MetricSpec(
            "andon_backpressure_seconds_total",
            "counter",
            "Time that reading stood still because the broker had not acknowledged enough.",
            ("stage",),
        ),
        MetricSpec("andon_delivery_retries_total", "counter", "Times records had to be sent again.", ("stage",)),
        MetricSpec("andon_lag_records", "gauge", "Records between the position read and the end.", ("partition",)),
        MetricSpec("andon_position_offset", "gauge", "Input offset delivered up to.", ("partition",)),
        MetricSpec("andon_committed_offset", "gauge", "Input offset committed.", ("partition",)),
        MetricSpec(
            "andon_held_records", "gauge", "Newest records that open windows and the like need.", ("partition",)
        ),
        MetricSpec("andon_partitions", "gauge", "Partitions assigned to this worker."),
        MetricSpec("andon_rebalances_total", "counter", "Assignments received."),
        MetricSpec("andon_partitions_renewed_total", "counter", "Partitions that ended before what was read of them."),
        MetricSpec("andon_progress_age_seconds", "gauge", "Time since a partition with lag last advanced."),
        MetricSpec(
            "andon_certificate_expiry_seconds",
            "gauge",
            "When a certificate expires that the service uses since its start, seconds since 1970.",
            ("file",),
        ),
        MetricSpec("andon_source_connected", "gauge", "1 while the source is connected and delivers.", ("source",)),
        MetricSpec("andon_source_reconnects_total", "counter", "Times that a connection had ended.", ("source",)),
        MetricSpec("andon_source_items", "gauge", "Variables that an OPC UA server watches for us.", ("source",)),
        MetricSpec(
            "andon_source_refused_items",
            "gauge",
            "Variables or topics that the other side does not let us subscribe to.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_unfiltered_items",
            "gauge",
            "Variables whose deadband the OPC UA server does not know.",
            ("source",),
        ),
        MetricSpec("andon_source_findings", "gauge", "Mistakes in the rules that select variables.", ("source",)),
        MetricSpec(
            "andon_source_overflows_total",
            "counter",
            "Times that an OPC UA server's queue lost values of a variable: too small for its publishing interval.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_retained_total",
            "counter",
            "Retained MQTT messages passed over because they do not say when their value was measured.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_duplicates_total",
            "counter",
            "MQTT messages that the broker sent again while they were under way, or when they were safe: counted once.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_discarded_total",
            "counter",
            "MQTT messages of QoS 0 for which there was no room.",
            ("source",),
        ),
        MetricSpec("andon_source_values_total", "counter", "Values taken from the source.", ("source",)),
        MetricSpec(
            "andon_source_frames_total",
            "counter",
            "Whole frames taken from the source, as recordings hold them.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_unparsed_total",
            "counter",
            "Values of the source that were no value of their tag's kind and became missing.",
            ("source",),
        ),
        MetricSpec("andon_kafka_away", "gauge", "1 while Kafka does not acknowledge and frames go to the spool."),
        MetricSpec(
            "andon_source_unmapped_total",
            "counter",
            "Values of the source that no tag of the plant model fits.",
            ("source",),
        ),
        MetricSpec("andon_source_edge_nodes", "gauge", "Sparkplug edge nodes that are born.", ("source",)),
        MetricSpec(
            "andon_source_gaps_total",
            "counter",
            "Times that messages of a source were lost on the way (Sparkplug, OPC UA).",
            ("source",),
        ),
        MetricSpec(
            "andon_source_rebirths_total", "counter", "Times that an edge node was asked for its births.", ("source",)
        ),
        MetricSpec("andon_spool_bytes", "gauge", "Disk space that the spool takes."),
        MetricSpec("andon_spool_limit_bytes", "gauge", "Disk space that the spool may take."),
        MetricSpec("andon_spool_frames", "gauge", "Frames in the spool that are to be delivered."),
        MetricSpec("andon_spool_notices", "gauge", "Events and dead letters in the spool that are to be delivered."),
        MetricSpec("andon_spool_oldest_seconds", "gauge", "Age of the oldest of them; 0 when the spool is empty."),
        MetricSpec("andon_spool_full", "gauge", "1 while the spool, or its disk, takes no more."),
        MetricSpec("andon_spool_written_total", "counter", "Events put into the spool.", ("stage",)),
        MetricSpec("andon_spool_drained_total", "counter", "Events delivered out of the spool.", ("stage",)),
        MetricSpec(
            "andon_spool_dropped_total", "counter", "Events lost to a full spool, by overflow policy.", ("policy",)
        ),
        MetricSpec("andon_spool_torn_bytes_total", "counter", "Bytes cut off after a crash: never completely written."),
        MetricSpec("andon_spool_spoiled_total", "counter", "Damaged places in the spool; each became a dead letter."),
        MetricSpec(
            "andon_source_certificate_expiry_seconds",
            "gauge",
            "When the certificate that the source's server knows Andon by expires, seconds since 1970.",
            ("source",),
        ),
        MetricSpec(
            "andon_source_times_replaced_total",
            "counter",
            "Source times that could not be true and were replaced: absent, absurd or from the future.",
            ("source", "reason"),
        ),
        MetricSpec(
            "andon_source_skew_seconds",
            "gauge",
            "A source's clock minus ours, less the smallest latency.",
            ("source",),
        ),
        MetricSpec("andon_silent_assets", "gauge", "Assets that should be talking and are not."),
        MetricSpec(
            "andon_samples_expected_total",
            "counter",
            "Samples that the plant model's rates promise, by minutes of event time that are over.",
            ("asset",),
        ),
        MetricSpec(
            "andon_samples_received_total",
            "counter",
            "Samples that came, measured for their frame (carried ones do not count).",
            ("asset",),
        ),
        MetricSpec(
            "andon_marked_samples_total",
            "counter",
            "Samples marked as not to be trusted, by mark.",
            ("asset_class", "quality"),
        ),
        MetricSpec("andon_context_facts", "gauge", "Orders, batches, shifts and the like that frames are joined with."),
        MetricSpec("andon_context_overlaps", "gauge", "Facts that begin before another one of their place has ended."),
        MetricSpec(
            "andon_context_stale",
            "gauge",
            "1 while a source of context cannot be reached, so that frames are joined with what was known before.",
        ),
        MetricSpec("andon_stale_frames_total", "counter", "Frames whose context may be stale.", ("asset_class",)),
        MetricSpec("andon_context_events_total", "counter", "Plant events taken in, by kind.", ("kind",)),
        MetricSpec(
            "andon_unknown_products",
            "gauge",
            "Products of orders and batches that nobody has told of, where products are told of at all.",
        ),
        MetricSpec("andon_corrected_frames_total", "counter", "Frames sent again because their context was corrected."),
        MetricSpec(
            "andon_correction_seconds",
            "histogram",
            "From a plant event to the acknowledgement of all frames that it corrects.",
            (),
            _LATENCY,
        ),
        MetricSpec("andon_events_relayed_total", "counter", "Plant events told in the database and put on the bus."),
        MetricSpec(
            "andon_oee_ratio",
            "gauge",
            "OEE of an asset's newest shift, and what it is made of: availability, effectiveness, quality, oee.",
            ("asset", "indicator"),
        ),
        MetricSpec(
            "andon_product_findings_total", "counter", "Times that a product's planned run time could not be used."
        ),
        MetricSpec(
            "andon_quality_score",
            "gauge",
            "Share of good samples lately, 0 to 1: the mean of the assets that the last batch held frames of.",
            ("asset_class",),
        ),
        MetricSpec("andon_mes_polls_total", "counter", "Times that a table was read to its end.", ("system", "kind")),
        MetricSpec(
            "andon_mes_rows_total",
            "counter",
            "Rows read from MES and ERP, also those that are read again.",
            ("system", "kind"),
        ),
        MetricSpec("andon_mes_events_total", "counter", "Plant events made of them and sent.", ("system", "kind")),
        MetricSpec(
            "andon_mes_rows_not_begun_total",
            "counter",
            "Rows passed over because what they tell of has not begun: they have no start.",
            ("system", "kind"),
        ),
        MetricSpec(
            "andon_mes_away",
            "gauge",
            "1 while a table cannot be read: its system is away or refuses us, or it is not as its mapping says.",
            ("system", "kind"),
        ),
        MetricSpec(
            "andon_mes_lag_seconds",
            "gauge",
            "Time since the last look at a table that was read to its end began; all changes before have been sent.",
            ("system", "kind"),
        ),
        MetricSpec(
            "andon_mes_watermark_seconds",
            "gauge",
            "The newest change that has been read, seconds since 1970, where the watermark is a time.",
            ("system", "kind"),
        ),
        MetricSpec(
            "andon_mes_store_retries_total",
            "counter",
            "Times that watermarks could not be kept because the database was away.",
        ),
        MetricSpec("andon_inferences_total", "counter", "Verdicts given.", ("asset_class", "role", "decision")),
        MetricSpec(
            "andon_abstentions_total",
            "counter",
            "Windows that a model abstained from, by reason code; limits alone watch those of a role that acts.",
            ("asset_class", "role", "reason"),
        ),
        MetricSpec(
            "andon_limit_violations_total",
            "counter",
            "Windows outside a limit of the plant model, by who else watched: a model, or the limits alone.",
            ("asset_class", "watch"),
        ),
        MetricSpec(
            "andon_model_comparisons_total",
            "counter",
            "Windows that two models judged, by versions and outcome: agree, champion_only or challenger_only found an "
            "anomaly, or one abstained.",
            ("asset_class", "champion", "challenger", "outcome"),
        ),
        MetricSpec(
            "andon_model_info",
            "gauge",
            "1 for each model that is loaded.",
            ("asset_class", "role", "model", "version", "digest", "verified"),
        ),
        MetricSpec(
            "andon_model_created_seconds",
            "gauge",
            "When each model that is loaded was made, seconds since 1970.",
            ("asset_class", "role", "model", "version"),
        ),
        MetricSpec(
            "andon_scores_total",
            "counter",
            "Scores given, by the upper end of the band that they lie in, in thresholds: 0.25, 0.5, 0.75, 1, 1.5, 2, 4 "
            "and +Inf.",
            ("asset_class", "role", "band"),
        ),
        MetricSpec("andon_models_refused_total", "counter", "Bundles that were not loaded.", ("asset_class",)),
        MetricSpec("andon_models_swapped_total", "counter", "Times that another model took over.", ("asset_class",)),
        MetricSpec(
            "andon_model_swap_seconds",
            "histogram",
            "From the news of another model to its first batch: fetch, verify, build, warm up.",
            ("asset_class",),
            _LATENCY,
        ),
        MetricSpec("andon_registry_connected", "gauge", "1 while the registry tells which models are to be served."),
        MetricSpec("andon_registry_insecure", "gauge", "1 while the registry is served without TLS, for development."),
        MetricSpec(
            "andon_registry_denied_total",
            "counter",
            "Calls of the registry that were denied, by the call and gRPC's status code.",
            ("call", "code"),
        ),
        MetricSpec(
            "andon_spans_total",
            "counter",
            "Spans of traces: made; sent, when the collector has taken them; lost, when it did not in time. What was "
            "made and is neither waits, or found no room.",
            ("outcome",),
        ),
        MetricSpec("andon_alerts_total", "counter", "Changes of an alert's state.", ("asset_class", "state")),
        MetricSpec(
            "andon_alert_state",
            "gauge",
            "1 for each machine with an alert that is not over, by how grave it is and what people do with it (open, "
            "acknowledged, suppressed); every worker shows all.",
            ("asset_class", "asset", "severity", "state"),
        ),
        MetricSpec("andon_assets", "gauge", "Machines in the plant model.", ("asset_class",)),
        MetricSpec(
            "andon_allowed_alarms",
            "gauge",
            "False alarms in a week that the use case allows all machines of a class together.",
            ("asset_class",),
        ),
        MetricSpec(
            "andon_avoidable_downtime_seconds",
            "gauge",
            "Unplanned downtime that one real alert avoids, as the use case's owner estimates.",
            ("asset_class",),
        ),
        MetricSpec(
            "andon_parity_checked_total",
            "counter",
            "Feature vectors that were computed again from their frames by the offline path, and compared.",
            ("asset_class", "definition"),
        ),
        MetricSpec(
            "andon_parity_mismatches_total",
            "counter",
            "Those of which a value differs: the registry lets no model of this definition through.",
            ("asset_class", "definition"),
        ),
        MetricSpec(
            "andon_parity_largest_relative_error",
            "gauge",
            "Largest relative error of a value since the start; infinite where one of the two is null.",
            ("asset_class", "definition"),
        ),
        MetricSpec(
            "andon_parity_skipped_total",
            "counter",
            "Sampled vectors that were not checked: their frames are gone or too many (budget), the broker was away, "
            "or they are of another definition or unreadable (other).",
            ("reason",),
        ),
        MetricSpec(
            "andon_parity_reports_total",
            "counter",
            "Reports of parity to the registry, which lets no model through whose features differ: told or failed.",
            ("outcome",),
        ),
        MetricSpec(
            "andon_drift_statistic_ratio",
            "gauge",
            "A detector's statistic of a machine, of the subject that is nearest to its threshold, in thresholds.",
            ("asset", "detector"),
        ),
        MetricSpec(
            "andon_drift_evidence_ratio",
            "gauge",
            "Evidence that a machine is not as in its reference period, over all its sensors; 1 says nothing.",
            ("asset",),
        ),
        MetricSpec(
            "andon_drift_state",
            "gauge",
            "1 for the state that a machine is in: stable, warning, drift or abstain; 0 for the others.",
            ("asset", "state"),
        ),
        MetricSpec(
            "andon_drift_reports_total", "counter", "Changes of a machine's state.", ("asset_class", "state", "cause")
        ),
        MetricSpec(
            "andon_drift_promised_alarms",
            "gauge",
            "False alarms of drift that the contract allows the machines that are watched, in 30 days.",
            ("asset_class",),
        ),
        MetricSpec(
            "andon_drift_achieved_alarms",
            "gauge",
            "The same as the thresholds gave in the reference period.",
            ("asset_class",),
        ),
        MetricSpec(
            "andon_drift_watched_seconds_total", "counter", "Machine time that was watched for drift.", ("asset_class",)
        ),
        MetricSpec(
            "andon_retrain_requests_total",
            "counter",
            "Requests for a new model, by who asked (drift, schedule, person) and what came of it "
            "(taken, refused, published, failed).",
            ("asset_class", "origin", "outcome"),
        ),
        MetricSpec(
            "andon_retrain_seconds",
            "histogram",
            "From a request taken to a candidate published.",
            ("asset_class",),
            _LONG,
        ),
        MetricSpec(
            "andon_retrain_missing_windows",
            "gauge",
            "Windows of normal operation that a request still waits for before it is trained; 0 while none waits.",
            ("asset_class",),
        ),
        MetricSpec(
            "andon_retrain_unreadable_total",
            "counter",
            "Records of the drift, model, alert, feedback and event topics that do not keep to their contract, passed "
            "over by the trainer each time it reads them.",
            ("stage",),
        ),
        MetricSpec(
            "andon_notifications_total",
            "counter",
            "Changes of alerts that a sink was to be told, by outcome: taken, refused, undelivered, history.",
            ("sink", "outcome"),
        ),
        MetricSpec("andon_notification_retries_total", "counter", "Attempts that a sink did not take.", ("sink",)),
        MetricSpec(
            "andon_notification_seconds",
            "histogram",
            "From an alert's arrival on its topic until a sink has taken it.",
            ("sink",),
            _LATENCY,
        ),
        MetricSpec("andon_waiting_notifications", "gauge", "Notifications that wait for a sink.", ("sink",)),
        MetricSpec(
            "andon_last_notification_seconds",
            "gauge",
            "When the sink last took one, seconds since 1970; 0 before the first.",
            ("sink",),
        ),
        MetricSpec(
            "andon_alert_verdicts",
            "gauge",
            "People's verdicts on alerts, of each author the newest on each alert; every worker shows all.",
            ("asset_class", "model", "verdict"),
        ),
        MetricSpec(
            "andon_alert_precision_ratio",
            "gauge",
            "Verdicts real among those that are real or false; every worker shows all.",
            ("asset_class", "model"),
        ),
        MetricSpec("andon_feedback_refused_total", "counter", "Statements over HTTP that were not taken.", ("status",)),
        MetricSpec(
            "andon_feedback_faults_total",
            "counter",
            "Records of the feedback topic, since the start of the worker, that do not keep to its contract.",
        ),
        MetricSpec("andon_database_away", "gauge", "1 while the database does not answer and records wait for it."),
        MetricSpec("andon_history_rows_total", "counter", "Rows that are new in the history.", ("stage",)),
        MetricSpec(
            "andon_history_expired_total",
            "counter",
            "Events that were not written because they are older than their stage is kept.",
            ("stage",),
        ),
        MetricSpec(
            "andon_history_dropped_total",
            "counter",
            "Partitions of tables that were dropped because all in them is older than their stage is kept.",
            ("stage",),
        ),
        MetricSpec("andon_lake_full", "gauge", "1 while the lake's disk is full and raw frames wait for room."),
        MetricSpec("andon_lake_files_total", "counter", "Parquet files written: hours that were over, or changed."),
    )
}
