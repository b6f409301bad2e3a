"""Plant overview: for people on the floor and those who answer for it."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_ALERTS = 'max by (asset, severity, state) (andon_alert_state{asset=~"$asset"})'


def _standing(severity: str) -> str:
    return f'count(max by (asset) (andon_alert_state{{severity="{severity}", state!="suppressed"}})) or vector(0)'


def _completeness(window: str, by: str) -> str:
    received, expected = (
        f'sum {by} (rate(andon_samples_{which}_total{{asset=~"$asset"}}[{window}]))'
        for which in ("received", "expected")
    )
    return f"{received} / {expected}"


_NOW = Row(
    "Now",
    (
        number("Machines", "Machines in the plant model.", "sum(max by (asset_class) (andon_assets))"),
        number(
            "Critical",
            "Machines with a critical alert that is not over and not suppressed. `andon alert list` names them.",
            _standing("critical"),
            steps=((None, GOOD), (1, BAD)),
        ),
        number(
            "Warning",
            "The same for warnings.",
            _standing("warning"),
            steps=((None, GOOD), (1, WATCH)),
        ),
        number(
            "Silent",
            "Machines that should be talking and are not: neither good nor bad can be said of them.",
            "sum(andon_silent_assets)",
            steps=((None, GOOD), (1, WATCH)),
        ),
        number(
            "OEE",
            "Mean over machines of overall equipment effectiveness in each one's newest shift (ISO 22400).",
            'avg(max by (asset) (andon_oee_ratio{indicator="oee", asset=~"$asset"}))',
            "percentunit",
        ),
        number(
            "Completeness",
            "Samples that came, of those that the plant model's rates promise, in the last hour.",
            _completeness("1h", ""),
            "percentunit",
            steps=((None, BAD), (0.9, WATCH), (0.99, GOOD)),
        ),
    ),
)

_ALERT_ROW = Row(
    "Alerts",
    (
        Panel(
            "Machines by alert",
            "Machines with an alert that is not over, by how grave it is.",
            (Query(f"count by (severity) ({_ALERTS})", "{{severity}}"),),
            Kind.AREAS,
        ),
        Panel(
            "Alerts that are not over",
            "One line a machine: how grave, and what people do with it.",
            (Query(_ALERTS),),
            Kind.TABLE,
            hidden=("Time", "Value"),
        ),
        Panel(
            "Changes of alerts",
            "Alerts that opened, were taken, shelved or closed.",
            (Query("sum by (state) (increase(andon_alerts_total[$__rate_interval]))", "{{state}}"),),
        ),
    ),
)

_PRODUCTION_ROW = Row(
    "Production and data",
    (
        Panel(
            "OEE by machine",
            "Overall equipment effectiveness in each machine's newest shift.",
            (Query('max by (asset) (andon_oee_ratio{indicator="oee", asset=~"$asset"})', "{{asset}}"),),
            Kind.BARS,
            "percentunit",
            steps=((None, BAD), (0.5, WATCH), (0.75, GOOD)),
        ),
        Panel(
            "What OEE is made of",
            "Means over machines of availability, effectiveness and quality.",
            (Query('avg by (indicator) (andon_oee_ratio{asset=~"$asset"})', "{{indicator}}"),),
            unit="percentunit",
        ),
        Panel(
            "Least complete machines",
            "The ten machines of which the smallest share of promised samples came.",
            (Query(f"bottomk(10, {_completeness('15m', 'by (asset)')})", "{{asset}}"),),
            Kind.BARS,
            "percentunit",
            steps=((None, BAD), (0.9, WATCH), (0.99, GOOD)),
        ),
        Panel(
            "Quality of samples",
            "Share of good samples lately, by asset class. Below the model's `min_good_ratio` it abstains.",
            (Query("min by (asset_class) (andon_quality_score)", "{{asset_class}}"),),
            unit="percentunit",
        ),
        Panel(
            "Samples not to be trusted",
            "Samples a second that carry a mark: stuck, spike, out of range and so on.",
            (
                Query(
                    "sum by (asset_class, quality) (rate(andon_marked_samples_total[$__rate_interval]))",
                    "{{asset_class}} {{quality}}",
                ),
            ),
            unit="cps",
        ),
        Panel(
            "Context",
            "Orders, shifts and the like that are known, and products that nobody has told of.",
            (
                Query("max(andon_context_facts)", "facts known"),
                Query("max(andon_unknown_products)", "unknown products"),
            ),
        ),
    ),
)

_TELLING_ROW = Row(
    "Telling people",
    (
        Panel(
            "Told",
            "Changes of alerts by sink and what came of them.",
            (
                Query(
                    "sum by (sink, outcome) (increase(andon_notifications_total[$__rate_interval]))",
                    "{{sink}} {{outcome}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Waiting to be told",
            "Notifications that wait for a sink. It should come back to zero by itself.",
            (Query("sum by (sink) (andon_waiting_notifications)", "{{sink}}"),),
            width=12,
        ),
    ),
)

PLANT = Board(
    "plant",
    "Andon / Plant overview",
    "Machines and what they need, production, and whether the data can be believed.",
    (_NOW, _ALERT_ROW, _PRODUCTION_ROW, _TELLING_ROW),
    (Choice("asset", "Machine", "andon_samples_expected_total"),),
)
