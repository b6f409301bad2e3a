"""Value: for whoever pays for it."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_OF = 'asset_class=~"$asset_class"'
_REAL = f'sum by (asset_class) (andon:alert_verdicts:max{{{_OF}, verdict="real"}})'
_DOWNTIME = f"max by (asset_class) (andon_avoidable_downtime_seconds{{{_OF}}})"
_FALSE_7D = f'sum by (asset_class) (andon:alert_verdicts:increase7d{{{_OF}, verdict="false"}})'
_BUDGET = f"max by (asset_class) (andon_allowed_alarms{{{_OF}}})"


def _judged(verdict: str) -> str:
    return f'sum(andon:alert_verdicts:max{{{_OF}, verdict="{verdict}"}}) or vector(0)'


_NOW = Row(
    "So far",
    (
        number("Confirmed", "Alerts that people judged real.", _judged("real")),
        number("False", "Alerts that people judged false.", _judged("false")),
        number("Unsure", "Alerts of which people could not say.", _judged("unsure")),
        number(
            "Precision",
            "Alerts judged real, of those judged real or false.",
            f'sum(andon:alert_verdicts:max{{{_OF}, verdict="real"}}) / '
            f'sum(andon:alert_verdicts:max{{{_OF}, verdict=~"real|false"}})',
            "percentunit",
            ((None, BAD), (0.5, WATCH), (0.8, GOOD)),
        ),
        number(
            "Downtime avoided",
            "Confirmed alerts times the downtime that one avoids, as the use case's owner estimates in plant.yaml "
            "(avoided_downtime).",
            f"sum({_REAL} * on (asset_class) {_DOWNTIME})",
            "s",
        ),
        number(
            "False alarms of budget",
            "False alarms in 7 days, of those that the use cases allow (criteria.max_false_alarms_per_week).",
            f"sum({_FALSE_7D}) / sum({_BUDGET})",
            "percentunit",
            ((None, GOOD), (0.8, WATCH), (1, BAD)),
        ),
    ),
)

_ALERTS = Row(
    "Alerts and what people found",
    (
        Panel(
            "Opened",
            "Alerts that opened in the chosen time, by class.",
            (
                Query(
                    f'sum by (asset_class) (increase(andon_alerts_total{{{_OF}, state="open"}}[$__range]))',
                    "{{asset_class}}",
                ),
            ),
            Kind.BARS,
        ),
        Panel(
            "Verdicts",
            "What people found on the floor, since the beginning.",
            (Query(f"sum by (verdict) (andon:alert_verdicts:max{{{_OF}}})", "{{verdict}}"),),
            Kind.AREAS,
        ),
        Panel(
            "Precision by model",
            "Alerts judged real, of those judged real or false.",
            (
                Query(
                    f"max by (asset_class, model) (andon_alert_precision_ratio{{{_OF}}})", "{{asset_class}} {{model}}"
                ),
            ),
            unit="percentunit",
        ),
    ),
)

_WORTH = Row(
    "What it is worth",
    (
        Panel(
            "Downtime avoided",
            "Confirmed alerts times the owner's estimate of what one of them avoids.",
            (Query(f"{_REAL} * on (asset_class) {_DOWNTIME}", "{{asset_class}}"),),
            unit="s",
        ),
        Panel(
            "False alarms in 7 days against the budget",
            "Alerts that people judged false, and how many the use case allows all machines of a class.",
            (
                Query(_FALSE_7D, "{{asset_class}} false"),
                Query(_BUDGET, "{{asset_class}} allowed"),
            ),
        ),
        Panel(
            "OEE",
            "Mean over machines in each one's newest shift: what it all is for.",
            (Query('avg(max by (asset) (andon_oee_ratio{indicator="oee"}))', "OEE"),),
            unit="percentunit",
        ),
    ),
)

VALUE = Board(
    "value",
    "Andon / Value",
    "Alerts that were worth it, downtime avoided, and false alarms against what is allowed.",
    (_NOW, _ALERTS, _WORTH),
    (Choice("asset_class", "Class", "andon_assets"),),
    since="now-30d",
)
