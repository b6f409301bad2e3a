"""What a person sees while data flows: events per second and lag per stage, the broker's size, alerts as they open."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from andon.clock import isoformat
from andon.contracts import Alert, AlertState
from sandbox.monitor import Reading

_SHOWN_ALERTS = 8
#: Without a terminal, a line of figures is printed this often.
_PLAIN_INTERVAL_S = 5.0
_SIGNS = {AlertState.OPEN: "[bold red]●[/]", AlertState.RESOLVED: "[green]○[/]"}

#: Service to the stage that it writes.
OUTPUTS = {"ingest": "raw", "context": "context", "feature": "feature", "inference": "inference", "alert": "alert"}


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One row of the screen."""

    service: str
    sent: int
    per_second: float
    lag: int
    dead_letters: int


def figures(readings: Mapping[str, Reading], before: Mapping[str, Reading], seconds: float) -> list[StageFigures]:
    """Return a row per service from two scrapes that lie *seconds* apart."""
    rows = []
    for service, stage in OUTPUTS.items():
        if service not in readings:
            continue
        now = readings[service].total("andon_records_sent_total", stage=stage)
        then = before[service].total("andon_records_sent_total", stage=stage) if service in before else 0.0
        rows.append(
            StageFigures(
                service=service,
                sent=int(now),
                per_second=max(0.0, now - then) / seconds if seconds else 0.0,
                lag=int(readings[service].total("andon_lag_records")),
                dead_letters=int(readings[service].total("andon_deadletters_total")),
            )
        )
    return rows


@dataclass
class Screen:
    """Shows progress: live on a terminal, as lines elsewhere."""

    console: Console
    frames: int
    _alerts: deque[str] = field(default_factory=lambda: deque(maxlen=_SHOWN_ALERTS))
    _rows: list[StageFigures] = field(default_factory=list)
    _broker_mib: float | None = None
    _plain_due: float = 0.0
    _live: Live | None = None

    def __enter__(self) -> Screen:
        if self.console.is_terminal:
            self._live = Live(self._render(), console=self.console, refresh_per_second=5)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self._render())
            self._live.stop()

    def alert(self, alert: Alert) -> None:
        """Show a change of an alert."""
        line = f"{_SIGNS.get(alert.state, '·')} [dim]{isoformat(alert.time)[11:19]}[/] {escape(alert.message)}"
        self._alerts.append(line)
        if not self._live:
            self.console.print(line)

    def say(self, line: str) -> None:
        """Show something that happened."""
        self._alerts.append(f"[cyan]◆[/] {escape(line)}")
        if not self._live:
            self.console.print(line, markup=False)

    def update(self, rows: list[StageFigures], broker_bytes: int | None, now: float) -> None:
        """Show new figures; *now* is any clock in seconds."""
        self._rows, self._broker_mib = rows, broker_bytes / 2**20 if broker_bytes else None
        if self._live:
            self._live.update(self._render())
        elif now >= self._plain_due:
            self._plain_due = now + _PLAIN_INTERVAL_S
            self.console.print(
                "  ".join(f"{r.service} {r.sent:,} ({r.per_second:,.0f}/s, lag {r.lag:,})" for r in rows)
            )

    def _render(self) -> RenderableType:
        table = Table(title_justify="left", box=None, pad_edge=False)
        for name in ("stage", "events", "events/s", "lag", "dead letters"):
            table.add_column(
                name, justify="left" if name == "stage" else "right", style="bold" if name == "stage" else ""
            )
        for row in self._rows:
            dead = f"[yellow]{row.dead_letters:,}[/]" if row.dead_letters else "0"
            table.add_row(row.service, f"{row.sent:,}", f"{row.per_second:,.0f}", f"{row.lag:,}", dead)
        parts: list[RenderableType] = [self._bar(), table]
        if self._broker_mib:
            parts.append(f"[dim]embedded broker: {self._broker_mib:,.0f} MiB, all in memory[/]")
        parts.extend(self._alerts)
        return Group(*parts)

    def _bar(self) -> RenderableType:
        done = next((row.sent for row in self._rows if row.service == "ingest"), 0)
        return ProgressBar(total=max(self.frames, 1), completed=min(done, self.frames), width=60)
