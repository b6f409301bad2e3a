"""Drift: whether machines and models are still as they were when the models learned."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, PLAIN, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_OF = 'asset=~"$asset"'
#: States in the order of the numbers that stand for them.
_STATES = ("stable", "warning", "drift", "abstain")
_COLOURS = (GOOD, WATCH, BAD, PLAIN)


def _count(state: str) -> str:
    return f'count(max by (asset) (andon_drift_state{{state="{state}"}}) == 1) or vector(0)'


_STATE = " or ".join(
    f'(max by (asset) (andon_drift_state{{{_OF}, state="{state}"}}) == 1) * {value}'
    for value, state in enumerate(_STATES)
)

_NOW = Row(
    "Now",
    (
        number("Stable", "Machines that are as in their reference period.", _count("stable")),
        number("Warning", "Machines that may be changing.", _count("warning"), steps=((None, GOOD), (1, WATCH))),
        number("Drift", "Machines that have changed.", _count("drift"), steps=((None, GOOD), (1, BAD))),
        number("Nothing can be said", "Machines without enough good data.", _count("abstain")),
        number(
            "Achieved of promised",
            "False alarms that the thresholds gave in the reference period, of those that the contract allows.",
            "max(max by (asset_class) (andon_drift_achieved_alarms)"
            " / max by (asset_class) (andon_drift_promised_alarms))",
            "percentunit",
            ((None, GOOD), (1, BAD)),
        ),
        number(
            "Reports, 30 days",
            "Times that drift was found. Far above what is promised, it is real, or the contract is broken.",
            'sum(increase(andon_drift_reports_total{state="drift"}[30d])) or vector(0)',
        ),
    ),
)

_MACHINES = Row(
    "Machines",
    (
        Panel(
            "State",
            "What each machine is said to be.",
            (Query(_STATE, "{{asset}}"),),
            Kind.STATES,
            words=tuple(
                (str(value), word, colour) for value, (word, colour) in enumerate(zip(_STATES, _COLOURS, strict=True))
            ),
        ),
        Panel(
            "Statistic against threshold",
            "Each detector's statistic in thresholds: above 1 it has found drift.",
            (Query(f"max by (asset, detector) (andon_drift_statistic_ratio{{{_OF}}})", "{{asset}} {{detector}}"),),
            steps=((None, GOOD), (1, BAD)),
        ),
        Panel(
            "Evidence",
            "Evidence over all sensors that a machine is not as it was; 1 says nothing, 20 is p = 0.05 at best.",
            (Query(f"max by (asset) (andon_drift_evidence_ratio{{{_OF}}})", "{{asset}}"),),
            steps=((None, GOOD), (20, WATCH)),
        ),
    ),
)

_CONTRACT = Row(
    "The contract on false alarms",
    (
        Panel(
            "Promised and achieved",
            "False alarms in 30 days that the contract allows, and that the thresholds gave in the reference period.",
            (
                Query("max by (asset_class) (andon_drift_promised_alarms)", "{{asset_class}} promised"),
                Query("max by (asset_class) (andon_drift_achieved_alarms)", "{{asset_class}} achieved"),
            ),
            Kind.BARS,
        ),
        Panel(
            "Changes of state",
            "By state and what is taken for its cause.",
            (
                Query(
                    "sum by (state, cause) (increase(andon_drift_reports_total[$__rate_interval]))",
                    "{{state}} {{cause}}",
                ),
            ),
        ),
        Panel(
            "Machines watched",
            "Machine time watched for drift, a second: how many machines keep up.",
            (
                Query(
                    "sum by (asset_class) (rate(andon_drift_watched_seconds_total[$__rate_interval]))",
                    "{{asset_class}}",
                ),
            ),
        ),
    ),
)

_RETRAINING = Row(
    "Training again",
    (
        Panel(
            "Requests",
            "Requests for a new model, by who asked and what came of it.",
            (
                Query(
                    "sum by (asset_class, origin, outcome) (increase(andon_retrain_requests_total[$__range]))",
                    "{{asset_class}} {{origin}} {{outcome}}",
                ),
            ),
            Kind.BARS,
            width=12,
        ),
        Panel(
            "Time to a candidate, median",
            "From a request taken to a candidate published.",
            (
                Query(
                    "histogram_quantile(0.5, sum by (asset_class, le) (rate(andon_retrain_seconds_bucket[1d])))",
                    "{{asset_class}}",
                ),
            ),
            unit="s",
            width=12,
        ),
    ),
)

DRIFT = Board(
    "drift",
    "Andon / Drift",
    "Whether machines and models are as they were, and what comes of it.",
    (_NOW, _MACHINES, _CONTRACT, _RETRAINING),
    (Choice("asset", "Machine", "andon_drift_state"),),
    since="now-7d",
)
