"""What a run says of itself, on the terminal and in the documentation."""

from __future__ import annotations

from pathlib import Path

from bench.page import parted, write_section
from tests.chaos.checker import Outcome
from tests.chaos.conduct import FAULTS, Report
from tests.chaos.restart import NAME

_WORDS = {**{fault.name: fault.what for fault in FAULTS.values()}, NAME: "the broker, SIGKILL; it forgets all"}
_SECTION = "chaos"
_HEADER = "| fault | injected | frames | proven | time | command |\n| --- | --- | --- | --- | --- | --- |"


def said(outcome: Outcome) -> str:
    """Return an outcome as one line."""
    held = "as it should be" if not outcome.findings else f"{len(outcome.findings)} FINDINGS"
    return f"{outcome.where:>30}: {outcome.found:,} of {outcome.expected:,}, {outcome.repeated:,} sent again, {held}"


def row(report: Report) -> str:
    """Return a run as a row of the table."""
    names = list(report.plan.faults)
    name = names[0] if len(names) == 1 else "all"
    command = f"`make chaos FAULT={name} CHAOS_SECONDS={report.plan.seconds:g}`"
    return f"| {name} | {_injected(report)} | {report.frames:,} | {_proven(report)} | {report.took:.0f} s | {command} |"


def write(document: Path, report: Report) -> None:
    """Put a run's row into the document's table, in place of an older one of the same fault."""
    table = parted(document.read_text(), _SECTION)[1]
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    new = row(report)
    rows[new.split("|")[1].strip()] = new
    ordered = [rows[name] for name in (*_WORDS, "all") if name in rows]
    write_section(_SECTION, "\n".join((_HEADER, *ordered)), document)


def _injected(report: Report) -> str:
    counted = report.timeline.counted()
    struck = [f"{counted[name]} x {_WORDS[name]}" for name in report.plan.faults if counted[name]]
    skipped = [f"not {name}: {why}" for name, why in report.skipped.items()]
    return "; ".join([*struck, *skipped])


def _proven(report: Report) -> str:
    events = sum(outcome.expected for outcome in report.outcomes)
    again = sum(outcome.repeated for outcome in report.outcomes)
    if report.findings:
        kinds = sorted({f"{finding.kind} in {finding.where}" for finding in report.findings})
        return f"**{len(report.findings)} findings** in {events:,} events and rows: {', '.join(kinds)}"
    return f"{events:,} events and rows as they should be, {again:,} sent again with the same content"
