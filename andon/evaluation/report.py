"""The report of an evaluation: one HTML page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from andon.evaluation.charts import curves, timeline
from andon.evaluation.figures import Figures
from andon.evaluation.record import Record
from andon.models import Criterion, ModelCard, Verdict

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: .95rem; margin: .8rem 0 0; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #d8dee6; }
tr.trivial td { color: #66727f; } .note { color: #66727f; max-width: 46rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); gap: .5rem 1.5rem; }
svg { width: 100%; } svg text { font-size: 11px; fill: #66727f; }
.line { fill: none; stroke-width: 1.5; } .c0 { stroke: #1f5fa8; } .c1 { stroke: #c2571a; } .c2 { stroke: #3a8a4f; }
svg text.c0 { fill: #1f5fa8; stroke: none; } svg text.c1 { fill: #c2571a; stroke: none; }
svg text.c2 { fill: #3a8a4f; stroke: none; }
.go { color: #2b7a3f; } .nogo, tr.nogo td { color: #c23b22; } tr.criterion td:last-child { text-align: left; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; } summary { margin-top: .6rem; cursor: pointer; }
.truth { fill: #f3c9b8; } .alarm { fill: #c23b22; } .limit { stroke: #66727f; stroke-dasharray: 4 3; }
"""

_COLUMNS = ("detector", "F1", "FAR", "MAR", "events", "delay, windows", "false alarms/h", "VUS-PR", "range F1")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a model promised of false alarms, and what it did in the normal windows of the evaluation.

    Attributes:
        model: its name.
        promised: in words, such as `1 alarm a week`.
        alarms_per_week: alarms in a week of normal operation.
        share: share of normal windows above the threshold.
    """

    model: str
    promised: str
    alarms_per_week: float
    share: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a model may act.

    Attributes:
        model: its name.
        verdict: go or no go, and by what.
        card: what a person must know of it.
    """

    model: str
    verdict: Verdict
    card: ModelCard


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report shows.

    Attributes:
        title: what was evaluated.
        facts: what a reader must know, one sentence each.
        figures: of the models.
        trivial: of the detectors that know nothing.
        promises: of false alarms, one for each model.
        records: of the first model, by asset.
        robustness: title of a chart to its lines, as `curves` takes them.
        step: seconds between windows.
        judgements: of the models, in their order; none where nobody asked for any.
    """

    title: str
    facts: Sequence[str]
    figures: Sequence[Figures]
    trivial: Sequence[Figures]
    promises: Sequence[Promise]
    records: Mapping[str, Record]
    robustness: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
    step: float
    judgements: Sequence[Judgement] = ()


def render(report: Report) -> str:
    """Return the report as an HTML page."""
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        *(f'<p class="note">{escape(fact)}</p>' for fact in report.facts),
        *map(_judgement, report.judgements),
        "<h2>Figures</h2>",
        _figures(report),
        "<h2>False alarms: promised and achieved</h2>",
        _promises(report.promises),
        "<h2>How much worse with worse data</h2>",
        _charts({title: curves(lines) for title, lines in report.robustness.items()}),
        "<h2>Scores</h2>",
        '<p class="note">In units of the threshold; events are shaded, alarms are the bar below.</p>',
        _charts({name: timeline(record, report.step) for name, record in report.records.items()}),
    ]
    head = f'<meta charset="utf-8"><title>{escape(report.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def cells(row: Figures) -> tuple[str, ...]:
    """Return a detector's figures as texts, in the order of the report's columns."""
    points = (_number(value, 3) for value in (row.f1, row.far, row.mar))
    later = (_number(row.delay, 0), _number(row.false_alarms_per_hour, 2))
    return (row.name, *points, f"{row.found}/{row.events}", *later, _number(row.vus_pr, 3), _number(row.range_f1, 3))


def _number(value: float, places: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{places}f}"


def _figures(report: Report) -> str:
    rows = [(cells(row), "") for row in report.figures] + [(cells(row), "trivial") for row in report.trivial]
    return _table(_COLUMNS, rows)


def _judgement(judgement: Judgement) -> str:
    """Return the verdict on a model, each criterion with its evidence, and its card."""
    word, kind = ("Go", "go") if judgement.verdict.go else ("No go", "nogo")
    criteria = [
        ((each.name, f"{each.value:.4g}", each.bound, "met" if each.met else "NOT met", each.evidence), _kind(each))
        for each in judgement.verdict.criteria
    ]
    card = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(text or 'not stated')}</dd>"
        for name, text in judgement.card.model_dump().items()
    )
    return (
        f'<h2>{escape(judgement.model)}: <span class="{kind}">{word}</span></h2>'
        + _table(("criterion", "measured", "asked for", "", "evidence"), criteria)
        + f"<details><summary>Model card</summary><dl>{card}</dl></details>"
    )


def _kind(criterion: Criterion) -> str:
    return "criterion" if criterion.met else "criterion nogo"


def _promises(promises: Sequence[Promise]) -> str:
    rows = [((each.model, each.promised, f"{each.alarms_per_week:.1f}", f"{each.share:.2%}"), "") for each in promises]
    return _table(("model", "promised", "achieved, alarms a week", "normal windows flagged"), rows)


def _table(columns: Sequence[str], rows: Sequence[tuple[Sequence[str], str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f'<tr class="{kind}">{"".join(f"<td>{escape(cell)}</td>" for cell in row)}</tr>' for row, kind in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _charts(charts: Mapping[str, str]) -> str:
    drawn = "".join(f"<div><h3>{escape(name)}</h3>{svg}</div>" for name, svg in charts.items())
    return f'<div class="charts">{drawn}</div>'
