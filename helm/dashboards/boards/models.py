"""Models: for the data scientist, and for whoever answers for what acts."""

from __future__ import annotations

from helm.dashboards.board import BAD, GOOD, NONE_IS_GOOD, WATCH, Board, Choice, Kind, Panel, Query, Row, number

_OF = 'asset_class=~"$asset_class"'
_ACTING = f'{_OF}, role!="shadow"'
_RATE = "$__rate_interval"
_INFERRED = f"(sum by (asset_class) (rate(andon_inferences_total{{{_ACTING}}}[{_RATE}])) > 0)"

_NOW = Row(
    "Now",
    (
        number(
            "Loaded", "Models that are loaded, of all roles.", "count(max by (asset_class, role) (andon_model_info))"
        ),
        number(
            "Acting without approval",
            "Models in production or canary whose approver's signature was not checked.",
            'count(andon_model_info{role=~"production|canary", verified!="approver"}) or vector(0)',
            steps=NONE_IS_GOOD,
        ),
        number(
            "Refused, last day",
            "Bundles that were not loaded: a signature, digest or feature hash did not hold.",
            "sum(increase(andon_models_refused_total[1d])) or vector(0)",
            steps=NONE_IS_GOOD,
        ),
        number(
            "Registry",
            "1 while the registry tells which models are to be served.",
            "min(andon_registry_connected)",
            steps=((None, BAD), (1, GOOD)),
        ),
        number(
            "Without a verdict",
            "Share of windows that the acting model abstained from.",
            f'sum(rate(andon_inferences_total{{{_ACTING}, decision="abstain"}}[{_RATE}]))'
            f" / (sum(rate(andon_inferences_total{{{_ACTING}}}[{_RATE}])) > 0) or vector(0)",
            "percentunit",
            ((None, GOOD), (0.05, WATCH), (0.5, BAD)),
        ),
        number(
            "Parity broken",
            "Feature vectors that differ between online and offline in the last day.",
            "sum(increase(andon_parity_mismatches_total[1d]))",
            steps=NONE_IS_GOOD,
        ),
    ),
)

_LOADED = Row(
    "What is loaded",
    (
        Panel(
            "Models",
            "Version and digest of each model; verified says whose signature held: approver, author or none.",
            (Query(f"max by (asset_class, role, model, version, digest, verified) (andon_model_info{{{_OF}}})"),),
            Kind.TABLE,
            width=16,
            hidden=("Time", "Value"),
        ),
        Panel(
            "Age",
            "Days since each model was made.",
            (
                Query(
                    f"(time() - max by (asset_class, role, version) (andon_model_created_seconds{{{_OF}}})) / 86400",
                    "{{asset_class}} {{role}} {{version}}",
                ),
            ),
            Kind.BARS,
            "d",
            steps=((None, GOOD), (180, WATCH)),
        ),
    ),
)

_VERDICTS = Row(
    "Verdicts",
    (
        Panel(
            "Scores",
            "Windows a second by score, in thresholds: a band ends at its name, above 1 is an anomaly. A distribution "
            "that creeps up is drift, or a machine that wears.",
            (
                Query(
                    f"sum by (band) (rate(andon_scores_total{{{_ACTING}}}[{_RATE}]))",
                    "up to {{band}}",
                ),
            ),
            Kind.AREAS,
            "cps",
        ),
        Panel(
            "Anomalies",
            "Share of windows that the acting model calls anomalous.",
            (
                Query(
                    f'sum by (asset_class) (rate(andon_inferences_total{{{_ACTING}, decision="anomaly"}}[{_RATE}]))'
                    f" / {_INFERRED}",
                    "{{asset_class}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Abstentions",
            "Windows a second without a verdict, by reason code; docs/inference.md explains the codes.",
            (
                Query(
                    f"sum by (asset_class, reason) (rate(andon_abstentions_total{{{_ACTING}}}[{_RATE}]))",
                    "{{asset_class}} {{reason}}",
                ),
            ),
            Kind.AREAS,
            "cps",
        ),
        Panel(
            "Shadow and canary against the champion",
            "Share of windows on which both say the same, by challenger. Abstentions do not count.",
            (
                Query(
                    f'sum by (challenger) (rate(andon_model_comparisons_total{{{_OF}, outcome="agree"}}[{_RATE}])) / '
                    f"sum by (challenger) "
                    f'(rate(andon_model_comparisons_total{{{_OF}, outcome!="abstained"}}[{_RATE}]))',
                    "{{challenger}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Precision by feedback",
            "Alerts that people judged real, of those judged real or false, by model.",
            (
                Query(
                    f"max by (asset_class, model) (andon_alert_precision_ratio{{{_OF}}})",
                    "{{asset_class}} {{model}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Limits",
            "Windows a second outside a limit of the plant model, by who else watched.",
            (
                Query(
                    f"sum by (asset_class, watch) (rate(andon_limit_violations_total{{{_OF}}}[{_RATE}]))",
                    "{{asset_class}} {{watch}}",
                ),
            ),
            unit="cps",
        ),
    ),
)

_CHANGES = Row(
    "Changes and proof",
    (
        Panel(
            "Swaps",
            "Times that another model took over, and bundles that were refused.",
            (
                Query(
                    f"sum by (asset_class) (increase(andon_models_swapped_total{{{_OF}}}[{_RATE}]))",
                    "{{asset_class}} swapped",
                ),
                Query(
                    f"sum by (asset_class) (increase(andon_models_refused_total{{{_OF}}}[{_RATE}]))",
                    "{{asset_class}} refused",
                ),
            ),
        ),
        Panel(
            "Vectors computed again",
            "Feature vectors a second that were computed again offline and compared, and those that differed.",
            (
                Query(f"sum by (asset_class) (rate(andon_parity_checked_total{{{_OF}}}[{_RATE}]))", "{{asset_class}}"),
                Query(
                    f"sum by (asset_class) (rate(andon_parity_mismatches_total{{{_OF}}}[{_RATE}]))",
                    "{{asset_class}} differ",
                ),
            ),
            unit="cps",
        ),
        Panel(
            "Denied by the registry",
            "Calls that were denied, by the call and gRPC's status code: somebody without the role, or a wrong key.",
            (
                Query(
                    f"sum by (call, code) (increase(andon_registry_denied_total[{_RATE}]))",
                    "{{call}} {{code}}",
                ),
            ),
        ),
    ),
)

MODELS = Board(
    "models",
    "Andon / Models",
    "Which models act, what they say, and whether they may be believed.",
    (_NOW, _LOADED, _VERDICTS, _CHANGES),
    (Choice("asset_class", "Class", "andon_inferences_total"),),
)
