"""The demo's report as one HTML page that needs nothing else, for whoever runs the plant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from andon.clock import SECOND, isoformat
from sandbox.demo.evaluation import AlertSpan, Evaluation, LabelledEvent
from sandbox.demo.page_style import STYLE
from sandbox.demo.report import Report
from sandbox.demo.story import Story
from sandbox.demo.timeline import timeline

_REASONS = 2
_WEEK_HOURS = 7 * 24


def render(report: Report) -> str:
    """Return the page."""
    story = report.story
    parts = [
        f"<h1>{escape(headline(report.outcome))}</h1>",
        f'<p class="lead">{escape(_lead(report))}</p>',
        _cards(report),
        *_next(report.outcome),
        "<h2>What was found, and when</h2>",
        _found(report.outcome),
        "<h2>What it costs in false alarms</h2>",
        *_false(report.outcome),
        *(_times(story) if story else ()),
        *(_walk(story) if story else ()),
        "<h2>Can these figures be trusted?</h2>",
        *_trust(report),
    ]
    head = f'<meta charset="utf-8"><title>{escape(report.title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def headline(outcome: Evaluation) -> str:
    """Return in one sentence what came of the run."""
    total = len(outcome.found) + len(outcome.missed)
    delay = outcome.median_delay
    found = f"Found {len(outcome.found)} of {total} faults"
    if delay is not None:
        found += f", usually within {_span(delay)}"
    false, sensors = len(outcome.false_alarms), len(outcome.on_sensor_faults)
    told = f"{found}, with {false or 'no'} false alarm{'' if false == 1 else 's'}"
    about = f", {sensors} of them about a faulty sensor" if sensors else ""
    return f"{told} in {outcome.normal_hours:.1f} machine hours{about}."


def precision(report: Report) -> float | None:
    """Return the share of alerts that were about a fault of a machine; None when nobody was told of any."""
    alerts = len(report.story.alerts) if report.story else 0
    return 1 - len(report.outcome.false_alarms) / alerts if alerts else None


def _lead(report: Report) -> str:
    story = report.story
    machines = f"{len(story.traces)} machines, watched by a model that has seen normal operation only" if story else ""
    return f"{report.title}; {machines}. Machine hours are hours of normal operation of one machine; times are UTC."


def _cards(report: Report) -> str:
    outcome, right = report.outcome, precision(report)
    delay = outcome.median_delay
    cards = [
        (f"{len(outcome.found)} of {len(outcome.found) + len(outcome.missed)}", "faults found"),
        ("-" if delay is None else _span(delay), "from begin to alert, median"),
        ("-" if right is None else f"{right:.0%}", "of alerts were about a fault"),
        (f"{report.speed.p50_ms:,.0f} ms", "from machine to verdict, median, at full load"),
        (f"{report.parity.mismatches:,} of {report.parity.checked:,}", "windows computed otherwise than in training"),
    ]
    return '<div class="cards">' + "".join(f"<div><b>{value}</b>{name}</div>" for value, name in cards) + "</div>"


def _next(outcome: Evaluation) -> Iterator[str]:
    """Yield what to do: for each machine the advice of its newest alert that was right, open ones first."""
    newest = {alert.asset: alert for _, alert, _ in sorted(outcome.found, key=lambda found: found[1].opened)}
    ordered = sorted(newest.values(), key=lambda alert: (alert.resolved is not None, -alert.opened))
    if ordered:
        items = "".join(f"<li>{escape(alert.message)} {_standing(alert)}</li>" for alert in ordered)
        yield f"<h2>What to do next</h2><p>The newest advice for each machine that had a fault:</p><ol>{items}</ol>"


def _standing(alert: AlertSpan) -> str:
    until = "still open" if alert.resolved is None else f"over since {_clock(alert.resolved)}"
    return f'<span class="why">(alert of {_clock(alert.opened)}, {until})</span>'


def _found(outcome: Evaluation) -> str:
    rows = [(event, _span(delay), _why(alert)) for event, alert, delay in outcome.found]
    rows += [(event, '<span class="bad">missed</span>', "") for event in outcome.missed]
    cells = [
        (_machine(event.asset), _kind(event), _clock(event.start), found, read)
        for event, found, read in sorted(rows, key=lambda row: row[0].start)
    ]
    return _table(("machine", "what was wrong", "since", "found after", "what the operator read, and why"), cells)


def _false(outcome: Evaluation) -> Iterator[str]:
    false, sensors = outcome.false_alarms, outcome.on_sensor_faults
    if not false:
        yield f"<p>Nothing: no alert in {outcome.normal_hours:.1f} h of normal operation.</p>"
        return
    weekly = outcome.false_alarms_per_hour * _WEEK_HOURS
    told = f"{len(false)} in {outcome.normal_hours:.1f} machine hours: at this rate {weekly:,.0f} a machine and week."
    if sensors:
        told += (
            f" {len(sensors)} of them were about a sensor that was truly at fault: no harm to the machine, but work."
        )
    budget = "So short a run says little of a week; a budget of alarms is set when a model is trained."
    yield f"<p>{escape(told)} {budget}</p>"
    cells = [
        (
            _machine(alert.asset),
            "a sensor's fault" if alert in sensors else "nothing",
            _clock(alert.opened),
            _why(alert),
        )
        for alert in sorted(false, key=lambda alert: alert.opened)
    ]
    yield _table(("machine", "what was wrong", "at", "what the operator read, and why"), cells)


def _times(story: Story) -> Iterator[str]:
    """Yield a chart of each machine."""
    yield (
        "<h2>Machine by machine</h2><p>How unusual each machine was, in units of the limit. "
        '<span class="key fault"></span> a fault, as it truly was; <span class="key sensor"></span> a sensor at fault; '
        '<span class="key alert"></span> an alert: above the limit for a while.</p>'
    )
    times = [trace.time for trace in story.traces.values()]
    span = int(min(time[0] for time in times)), int(max(time[-1] for time in times))
    for asset, trace in sorted(story.traces.items()):
        events = [event for event in story.events if event.asset == asset]
        alerts = [alert for alert in story.alerts if alert.asset == asset]
        yield f"<h3>{escape(_machine(asset))}</h3>{timeline(trace, events, alerts, span)}"


def _walk(story: Story) -> Iterator[str]:
    if story.walk is None:
        return
    name, text = story.walk
    yield (
        "<h2>Why did it say so?</h2><p>Every alert can be walked back to the samples that made it, and to the people "
        f"who let its model act: <code>andon why {escape(name)}</code></p><pre>{escape(text)}</pre>"
    )


def _trust(report: Report) -> Iterator[str]:
    lost = sum(report.dead_letters.values())
    facts = [
        f"{report.speed.frames:,} frames went through all services, {lost or 'none'} set aside; "
        f"{report.speed.frames_per_s:,.0f} frames/s on this machine.",
        f"{report.parity.checked:,} windows were computed again as for training: {report.parity.mismatches or 'none'} "
        "differed in any bit.",
    ]
    if report.story:
        families = ", ".join(f"{family} for {name}" for name, family in report.story.families.items())
        facts.append(
            f"The model: {families}, trained in {report.training_seconds:.1f} s on a normal period before this one. It "
            "has never seen a fault; what was wrong is known to this page only, which judged the alerts afterwards."
        )
    facts += [
        f"Model {each.before} of class {each.asset_class} was replaced by {each.after} while data flowed: signed by "
        f"{each.author}, let through by {each.approver}."
        for each in report.swapped
    ]
    if report.judged:
        facts.append(f"{report.judged.windows:,} windows were judged, {report.judged.twice or 'none'} of them twice.")
    yield "<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in facts) + "</ul>"


def _why(alert: AlertSpan) -> str:
    reasons = "; ".join(alert.reasons[:_REASONS])
    why = f'<br><span class="why">{escape(reasons)}</span>' if reasons else ""
    return f"{escape(alert.message)}{why}"


def _kind(event: LabelledEvent) -> str:
    return escape(event.kind.replace("_", " "))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are HTML."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _machine(asset: str) -> str:
    return escape(asset.rsplit("/", 1)[-1])


def _clock(moment: int) -> str:
    return isoformat(moment)[11:16]


def _span(micros: int) -> str:
    seconds = micros / SECOND
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
