"""Alerts as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat
from andon.contracts import Alert, AlertState
from andon.stream.letter_view import printable

_STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def alerts_table(alerts: Iterable[Alert]) -> Table:
    """Return one row for each alert, with the name that commands take."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("severity", "state", "opened (UTC)", "who acts", "what to do"):
        table.add_column(name, overflow="fold")
    table.add_column("alert", no_wrap=True)
    for alert in alerts:
        severity = Text(alert.severity, style=_STYLES[alert.severity])
        cells = (_state(alert), isoformat(alert.opened)[:19], alert.owner or "", alert.message, alert.alert)
        table.add_row(severity, *(Text(printable(cell)) for cell in cells))
    return table


def count_line(alerts: Iterable[Alert]) -> str:
    """Return how many alerts there are of each state."""
    states = [alert.state for alert in alerts]
    found = ", ".join(f"{states.count(state)} {state}" for state in AlertState if state in states)
    return found or "no alerts"


def _state(alert: Alert) -> str:
    """Return the state, with who took it or why it is suppressed."""
    about = alert.suppressed_by or (alert.acknowledged.author if alert.acknowledged else "")
    words = f"{alert.state} ({about})" if about else str(alert.state)
    return f"{words}, flapping" if alert.flapping else words
