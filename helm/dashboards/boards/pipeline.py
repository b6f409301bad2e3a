"""Pipeline: for whoever runs the services."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, NONE_IS_GOOD, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_OF = 'service=~"$service"'
_RATE = "$__rate_interval"


def _per_second(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{_OF}}}[{_RATE}]))"


def _quantile(share: float, metric: str) -> str:
    # Indicators of whole shifts (stage kpi) are as old as their shift, which says nothing of the way.
    chosen = f'{_OF}, stage!="kpi"'
    return f"histogram_quantile({share}, sum by (service, stage, le) (rate({metric}_bucket{{{chosen}}}[{_RATE}])))"


_PROMISE = Row(
    "The promise: 99.9 % of live frames are through within 1 s",
    (
        number(
            "In time, last hour",
            "Share of live frames that the context service had acknowledged within a second of their ingest.",
            "1 - andon:frames_slow:ratio_rate1h",
            "percentunit",
            ((None, BAD), (0.99, WATCH), (0.999, GOOD)),
        ),
        number(
            "In time, 3 days",
            "The same over three days.",
            "1 - andon:frames_slow:ratio_rate3d",
            "percentunit",
            ((None, BAD), (0.99, WATCH), (0.999, GOOD)),
        ),
        number(
            "Budget burns",
            "How many times faster than allowed the budget of slow frames is used up, over an hour. At 1 it lasts for "
            "just 30 days, at 14.4 for two.",
            "andon:frames_slow:ratio_rate1h / 0.001",
            "none",
            ((None, GOOD), (1, WATCH), (14.4, BAD)),
        ),
        number("Lag", "Records that wait to be read, of all services.", "sum(andon_lag_records)"),
        number(
            "Set aside, last hour",
            "Records that became dead letters. `andon deadletter list` shows them.",
            "sum(increase(andon_deadletters_total[1h])) or vector(0)",
            steps=NONE_IS_GOOD,
        ),
        number(
            "Standing still",
            "Longest time that a partition with lag has not advanced. From a minute on its worker is not live.",
            "max(andon_progress_age_seconds)",
            "s",
            ((None, GOOD), (10, WATCH), (60, BAD)),
        ),
    ),
)

_FLOW = Row(
    "Flow",
    (
        Panel(
            "Records read",
            "Records a second that each service reads.",
            (Query(_per_second("andon_records_read_total", "service, stage"), "{{service}} {{stage}}"),),
            unit="cps",
        ),
        Panel(
            "Records sent",
            "Records a second that the broker has acknowledged.",
            (Query(_per_second("andon_records_sent_total", "service, stage"), "{{service}} {{stage}}"),),
            unit="cps",
        ),
        Panel(
            "Bytes sent",
            "Bytes a second of what was acknowledged.",
            (Query(_per_second("andon_sent_bytes_total", "service, stage"), "{{service}} {{stage}}"),),
            unit="Bps",
        ),
        Panel(
            "Lag",
            "Records between the position read and the end of the topic, by service.",
            (Query(f"sum by (service) (andon_lag_records{{{_OF}}})", "{{service}}"),),
        ),
        Panel(
            "Latency, median",
            "From a record's ingest to the acknowledgement of what the service made of it. For windows, from the "
            "ingest of the frame that completed them.",
            (Query(_quantile(0.5, "andon_latency_seconds"), "{{service}} {{stage}}"),),
            unit="s",
        ),
        Panel(
            "Latency, 99th percentile",
            "The same, of the slowest percent.",
            (Query(_quantile(0.99, "andon_latency_seconds"), "{{service}} {{stage}}"),),
            unit="s",
            steps=((None, GOOD), (1, BAD)),
        ),
    ),
)

_WORK = Row(
    "Work",
    (
        Panel(
            "Time for a batch, 95th percentile",
            "To decode, process and encode one batch.",
            (Query(_quantile(0.95, "andon_batch_seconds"), "{{service}} {{stage}}"),),
            unit="s",
        ),
        Panel(
            "Busy",
            "Share of the time that a worker computes. Near 1 it needs partners: add replicas.",
            (
                Query(
                    f"sum by (service, stage) (rate(andon_batch_seconds_sum{{{_OF}}}[{_RATE}]))",
                    "{{service}} {{stage}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Backpressure",
            "Share of the time that reading stood still because the broker had not acknowledged enough.",
            (Query(_per_second("andon_backpressure_seconds_total", "service, stage"), "{{service}} {{stage}}"),),
            unit="percentunit",
        ),
    ),
)

_TROUBLE = Row(
    "Trouble",
    (
        Panel(
            "Dead letters",
            "Records set aside, by service and reason code; docs/deadletters.md explains the codes.",
            (
                Query(
                    f"sum by (service, reason) (increase(andon_deadletters_total{{{_OF}}}[{_RATE}]))",
                    "{{service}} {{reason}}",
                ),
            ),
            Kind.AREAS,
        ),
        Panel(
            "Sent again, assigned anew",
            "Deliveries that had to be tried again, and assignments of partitions.",
            (
                Query(
                    f"sum by (service) (increase(andon_delivery_retries_total{{{_OF}}}[{_RATE}]))",
                    "{{service}} retries",
                ),
                Query(f"sum by (service) (increase(andon_rebalances_total{{{_OF}}}[{_RATE}]))", "{{service}} assigned"),
            ),
        ),
        Panel(
            "Read again",
            "Records a second read again after a restart, or repeated by an upstream restart; of no effect.",
            (
                Query(_per_second("andon_records_replayed_total", "service"), "{{service}} replayed"),
                Query(_per_second("andon_records_repeated_total", "service"), "{{service}} repeated"),
            ),
            unit="cps",
        ),
    ),
)

_AROUND = Row(
    "What the services need",
    (
        Panel(
            "Away",
            "1 while the database, Kafka or a source of context is away.",
            (
                Query("max by (service) (andon_database_away)", "{{service}}: database"),
                Query("max by (service) (andon_kafka_away)", "{{service}}: Kafka"),
                Query("max by (service) (andon_context_stale)", "{{service}}: context"),
            ),
        ),
        Panel(
            "History",
            "New rows a second in the history, by stage.",
            (Query(f"sum by (stage) (rate(andon_history_rows_total[{_RATE}]))", "{{stage}}"),),
            unit="cps",
        ),
        Panel(
            "Versions",
            "Instances by service and version; two versions of a service for long mean an upgrade that stands still.",
            (Query("count by (service, version) (andon_build_info)"),),
            Kind.TABLE,
        ),
        Panel(
            "Certificates",
            "Days until each certificate expires that a service uses. A renewed file counts after a restart.",
            (
                Query(
                    "min by (service, file) (andon_certificate_expiry_seconds - time()) / 86400", "{{service}} {{file}}"
                ),
            ),
            Kind.BARS,
            "d",
            width=24,
            height=6,
            steps=((None, BAD), (2, WATCH), (14, GOOD)),
        ),
    ),
)

PIPELINE = Board(
    "pipeline",
    "Andon / Pipeline",
    "Rate, lag and latency of each service, and what stands in their way.",
    (_PROMISE, _FLOW, _WORK, _TROUBLE, _AROUND),
    (Choice("service", "Service", "andon_build_info"),),
    since="now-1h",
)
