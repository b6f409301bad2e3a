"""Ingest: for the automation engineer, and for whoever asks whether a machine or Andon is silent."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, NONE_IS_GOOD, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_OF = 'source=~"$source"'
_RATE = "$__rate_interval"


def _increase(metric: str, name: str) -> Query:
    return Query(f"sum by (source) (increase({metric}{{{_OF}}}[{_RATE}]))", f"{{{{source}}}} {name}")


_NOW = Row(
    "Now",
    (
        number(
            "Sources connected",
            "Sources that are connected and deliver; recordings have no connection.",
            "sum(andon_source_connected) or vector(0)",
        ),
        number(
            "Sources away",
            "Sources whose connection is broken; it is tried again with growing pauses.",
            "count(andon_source_connected == 0) or vector(0)",
            steps=NONE_IS_GOOD,
        ),
        number(
            "Silent machines",
            "Machines that should be talking and are not.",
            "sum(andon_silent_assets)",
            steps=((None, GOOD), (1, WATCH)),
        ),
        number(
            "Frames",
            "Live frames a second that Kafka has acknowledged.",
            f'sum(rate(andon_records_sent_total{{service="ingest", stage="raw"}}[{_RATE}]))',
            "cps",
        ),
        number(
            "Spool",
            "Share of the spool's disk space that is taken: frames wait there while Kafka is away.",
            "max(andon_spool_bytes / andon_spool_limit_bytes)",
            "percentunit",
            ((None, GOOD), (0.5, WATCH), (0.8, BAD)),
        ),
        number(
            "Lost",
            "Events lost to a full spool in the chosen time.",
            "sum(increase(andon_spool_dropped_total[$__range])) or vector(0)",
            steps=NONE_IS_GOOD,
        ),
    ),
)

_SOURCES = Row(
    "Sources",
    (
        Panel(
            "Delivered",
            "Values a second by source; recordings deliver whole frames.",
            (
                Query(f"sum by (source) (rate(andon_source_values_total{{{_OF}}}[{_RATE}]))", "{{source}} values"),
                Query(f"sum by (source) (rate(andon_source_frames_total{{{_OF}}}[{_RATE}]))", "{{source}} frames"),
            ),
            unit="cps",
        ),
        Panel(
            "Connection",
            "Whether each source is connected.",
            (Query(f"max by (source) (andon_source_connected{{{_OF}}})", "{{source}}"),),
            Kind.STATES,
            words=(("0", "away", BAD), ("1", "connected", GOOD)),
        ),
        Panel(
            "Reconnects",
            "Times that a connection had ended. One now and then is nothing; a steady beat is a network that flaps.",
            (_increase("andon_source_reconnects_total", ""),),
        ),
        Panel(
            "Clock skew",
            "The source's clock minus ours, less the smallest latency. Above the tolerance its times are replaced.",
            (Query(f"max by (source) (andon_source_skew_seconds{{{_OF}}})", "{{source}}"),),
            unit="s",
        ),
        Panel(
            "Times replaced",
            "Source times that could not be true, by reason.",
            (
                Query(
                    f"sum by (source, reason) (increase(andon_source_times_replaced_total{{{_OF}}}[{_RATE}]))",
                    "{{source}} {{reason}}",
                ),
            ),
        ),
        Panel(
            "Values without use",
            "Values that no tag fits, that were no value of their tag's kind, or that were lost on the way.",
            (
                _increase("andon_source_unmapped_total", "unmapped"),
                _increase("andon_source_unparsed_total", "unparsed"),
                _increase("andon_source_gaps_total", "gaps"),
                _increase("andon_source_overflows_total", "overflows"),
                _increase("andon_source_discarded_total", "discarded"),
            ),
        ),
        Panel(
            "Subscriptions",
            "Variables that an OPC UA server watches, those it refused, and mistakes in the rules that select them.",
            (
                Query(f"max by (source) (andon_source_items{{{_OF}}})", "{{source}} watched"),
                Query(f"max by (source) (andon_source_refused_items{{{_OF}}})", "{{source}} refused"),
                Query(f"max by (source) (andon_source_findings{{{_OF}}})", "{{source}} mistakes"),
            ),
        ),
        Panel(
            "Edge nodes",
            "Sparkplug edge nodes that are born, and rebirths asked for.",
            (
                Query(f"max by (source) (andon_source_edge_nodes{{{_OF}}})", "{{source}} born"),
                _increase("andon_source_rebirths_total", "rebirths"),
            ),
        ),
        Panel(
            "Own certificates",
            "Days until the certificate expires that an OPC UA server knows Andon by.",
            (Query(f"(andon_source_certificate_expiry_seconds{{{_OF}}} - time()) / 86400", "{{source}}"),),
            Kind.BARS,
            "d",
            steps=((None, BAD), (2, WATCH), (14, GOOD)),
        ),
    ),
)

_SPOOL = Row(
    "The way out",
    (
        Panel(
            "Kafka",
            "1 while Kafka does not acknowledge and frames go to the spool.",
            (Query("max(andon_kafka_away)", "Kafka"),),
            Kind.STATES,
            words=(("0", "here", GOOD), ("1", "away", BAD)),
        ),
        Panel(
            "Spooled",
            "Frames, events and dead letters on disk that are to be delivered.",
            (
                Query("sum(andon_spool_frames)", "frames"),
                Query("sum(andon_spool_notices)", "events and dead letters"),
            ),
        ),
        Panel(
            "Age of the oldest",
            "How long the oldest of them has waited.",
            (Query("max(andon_spool_oldest_seconds)", "age"),),
            unit="s",
        ),
        Panel(
            "Spool on disk",
            "Disk space that it takes, and that it may take.",
            (
                Query("sum(andon_spool_bytes)", "taken"),
                Query("sum(andon_spool_limit_bytes)", "limit"),
            ),
            unit="bytes",
        ),
        Panel(
            "In and out",
            "Events a second into the spool and out of it.",
            (
                Query(f"sum by (stage) (rate(andon_spool_written_total[{_RATE}]))", "{{stage}} in"),
                Query(f"sum by (stage) (rate(andon_spool_drained_total[{_RATE}]))", "{{stage}} out"),
            ),
            unit="cps",
        ),
        Panel(
            "Damage",
            "Bytes cut off after a crash, damaged places, and events lost to a full spool.",
            (
                Query(f"sum(increase(andon_spool_torn_bytes_total[{_RATE}]))", "bytes torn"),
                Query(f"sum(increase(andon_spool_spoiled_total[{_RATE}]))", "damaged places"),
                Query(f"sum by (policy) (increase(andon_spool_dropped_total[{_RATE}]))", "lost, {{policy}}"),
            ),
        ),
    ),
)

_MES = Row(
    "MES and ERP",
    (
        Panel(
            "Age of the last look",
            "Time since the last look at a table that was read to its end began.",
            (Query("max by (system, kind) (andon_mes_lag_seconds)", "{{system}} {{kind}}"),),
            unit="s",
            width=12,
        ),
        Panel(
            "Events made",
            "Plant events made of changed rows.",
            (Query(f"sum by (system, kind) (increase(andon_mes_events_total[{_RATE}]))", "{{system}} {{kind}}"),),
            width=12,
        ),
    ),
)

INGEST = Board(
    "ingest",
    "Andon / Ingest",
    "Sources, their clocks, and what waits on disk.",
    (_NOW, _SOURCES, _SPOOL, _MES),
    (Choice("source", "Source", "andon_source_values_total"),),
    since="now-3h",
)
