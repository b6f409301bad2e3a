"""The demo's report: what was found, how late, what was false, how fast; for people and as JSON."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.terminal_theme import MONOKAI

from andon.clock import SECOND, isoformat
from andon.parity import Parity
from sandbox.demo.evaluation import AlertSpan, Evaluation
from sandbox.demo.history import Asked
from sandbox.demo.models import Judged, Swapped
from sandbox.demo.story import Story
from sandbox.monitor import Reading

_PICTURE_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the chain was.

    Attributes:
        frames: frames that went in.
        seconds: from the first frame in to the last verdict out.
        p50_ms: median of ingest to verdict (the wait for a window to fill is not counted).
        p99_ms: its 99th percentile.
        busy_us: per service, microseconds of work per record read.
    """

    frames: int
    seconds: float
    p50_ms: float
    p99_ms: float
    busy_us: Mapping[str, float]

    @property
    def frames_per_s(self) -> float:
        """Frames a second through the whole chain."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def slowest(self) -> str:
        """The service that works longest on each record it reads."""
        return max(self.busy_us, key=lambda service: self.busy_us[service], default="none")


def measure_speed(readings: Mapping[str, Reading], frames: int, seconds: float, latencies_ms: Sequence[float]) -> Speed:
    """Sum up a run's speed from the services' metrics and the verdicts' latencies."""
    quantiles = statistics.quantiles(latencies_ms, n=100) if len(latencies_ms) > 1 else [0.0] * 99
    return Speed(frames, seconds, quantiles[49], quantiles[98], busy_per_record(readings))


def busy_per_record(readings: Mapping[str, Reading]) -> dict[str, float]:
    """Return microseconds of work per record read, of services that read some."""
    busy = {}
    for service, reading in readings.items():
        records = reading.total("andon_records_read_total")
        if records:
            busy[service] = reading.total("andon_batch_seconds_sum") / records * SECOND
    return busy


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the demo says at its end."""

    title: str
    outcome: Evaluation
    speed: Speed
    training_seconds: float
    dead_letters: Mapping[str, int]
    asked: Asked | None = None
    parity: Parity = field(default_factory=Parity)
    swapped: Sequence[Swapped] = ()
    judged: Judged | None = None
    story: Story | None = None

    def to_json(self) -> bytes:
        """Return the report for machines."""
        outcome, speed = self.outcome, self.speed
        return orjson.dumps(
            {
                "title": self.title,
                "events": len(outcome.found) + len(outcome.missed),
                "events_found": len(outcome.found),
                "delay_s": [delay / SECOND for _, _, delay in outcome.found],
                "false_alarms": len(outcome.false_alarms),
                "false_alarms_on_sensor_faults": len(outcome.on_sensor_faults),
                "normal_machine_hours": outcome.normal_hours,
                "false_alarms_per_hour": outcome.false_alarms_per_hour,
                "missed": [asdict(event) for event in outcome.missed],
                "frames_per_s": speed.frames_per_s,
                "p50_ms": speed.p50_ms,
                "p99_ms": speed.p99_ms,
                "busy_us_per_record": dict(speed.busy_us),
                "slowest": speed.slowest,
                "training_s": self.training_seconds,
                "dead_letters": dict(self.dead_letters),
                "history_rows": dict(self.asked.rows) if self.asked else {},
                "corrected_frames": self.asked.corrected if self.asked else 0,
                "vectors_recomputed": self.parity.checked,
                "parity_mismatches": self.parity.mismatches,
                "swapped_models": [asdict(each) for each in self.swapped],
                "windows": asdict(self.judged) if self.judged else {},
                "oee": [asdict(each) for each in self.asked.oee] if self.asked else [],
            },
            option=orjson.OPT_INDENT_2,
        )

    def show(self, console: Console) -> None:
        """Print the report for people."""
        console.print()
        console.rule(f"[bold]{escape(self.title)}")
        console.print(self._events())
        if self.asked and self.asked.oee:
            console.print(self._oee(self.asked))
        if self.swapped:
            console.print(self._models())
        console.print(self._figures())

    def save_picture(self, path: Path) -> None:
        """Save what `show` prints as an SVG picture of a terminal."""
        console = Console(record=True, width=_PICTURE_WIDTH, file=io.StringIO(), highlight=False)
        self.show(console)
        console.save_svg(str(path), title="andon demo", theme=MONOKAI)

    def _events(self) -> Table:
        table = Table(title="Labelled events, and false alarms", title_justify="left", title_style="bold", expand=True)
        table.add_column("asset", no_wrap=True)
        table.add_column("event", no_wrap=True)
        table.add_column("from", no_wrap=True)
        table.add_column("found after", justify="right", no_wrap=True)
        table.add_column("what the operator read")
        rows = [(e, f"[green]{_seconds(delay)}[/]", _read(alert)) for e, alert, delay in self.outcome.found]
        rows += [(event, "[bold red]missed[/]", "") for event in self.outcome.missed]
        for event, delay, read in sorted(rows, key=lambda row: row[0].start):
            table.add_row(_name(event.asset), event.kind, _clock(event.start), delay, read)
        if self.outcome.false_alarms:
            table.add_section()
        for alert in self.outcome.false_alarms:
            kind = "a sensor's fault" if alert in self.outcome.on_sensor_faults else "false alarm"
            table.add_row(_name(alert.asset), f"[yellow]{kind}[/]", _clock(alert.opened), "", _read(alert))
        return table

    def _oee(self, asked: Asked) -> Table:
        table = Table(title="OEE by shift and product (ISO 22400)", title_justify="left", title_style="bold")
        for heading in ("asset", "shift", "product"):
            table.add_column(heading, no_wrap=True)
        for heading in ("avail.", "perf.", "qual.", "OEE"):
            table.add_column(heading, justify="right", no_wrap=True)
        for each in asked.oee:
            figures = (each.availability, each.effectiveness, each.quality, each.oee)
            table.add_row(_name(each.asset), each.shift, each.product or "-", *map(_percent, figures))
        return table

    def _models(self) -> Table:
        table = Table(title="Models that took over while data flowed", title_justify="left", title_style="bold")
        for heading in ("class", "acted", "version", "signed by", "approved by"):
            table.add_column(heading, no_wrap=True)
        table.add_column("windows judged", justify="right", no_wrap=True)
        by_version = self.judged.by_version if self.judged else {}
        for each in self.swapped:
            people = (each.author, each.approver)
            table.add_row(each.asset_class, "first", each.before, *people, f"{by_version.get(each.before, 0):,}")
            table.add_row("", "then", each.after, *people, f"{by_version.get(each.after, 0):,}")
        return table

    def _figures(self) -> Table:
        outcome, speed = self.outcome, self.speed
        found, total = len(outcome.found), len(outcome.found) + len(outcome.missed)
        table = Table(title="Figures", title_justify="left", title_style="bold", show_header=False)
        table.add_row("events found", f"[bold]{found} of {total}[/]")
        delay = outcome.median_delay
        table.add_row("median detection delay", "-" if delay is None else _seconds(delay))
        table.add_row("false alarms", self._false_alarms())
        table.add_row("training", f"{self.training_seconds:.1f} s")
        table.add_row("throughput", f"{speed.frames_per_s:,.0f} frames/s ({speed.frames:,} in {speed.seconds:.1f} s)")
        table.add_row("latency, machine to verdict", f"p50 {speed.p50_ms:,.0f} ms, p99 {speed.p99_ms:,.0f} ms")
        busy = ", ".join(f"{service} {us:.0f}" for service, us in speed.busy_us.items())
        table.add_row("work per record", f"{busy} µs; slowest stage: [bold]{speed.slowest}[/]")
        table.add_row("feature vectors computed again", self._parity())
        letters = ", ".join(f"{reason} {n}" for reason, n in self.dead_letters.items() if n)
        table.add_row("dead letters", letters or "none")
        if self.judged:
            table.add_row("windows judged", f"{self.judged.windows:,}; by two acting models: {self.judged.twice}")
        if self.swapped:
            table.add_row("approval to first batch", f"{max(each.seconds for each in self.swapped):.1f} s")
        if self.asked:
            rows = ", ".join(f"{stage} {rows:,}" for stage, rows in self.asked.rows.items())
            table.add_row("asked back from the historian", f"{rows} rows")
            table.add_row("a batch corrected afterwards", f"{self.asked.corrected:,} frames sent again")
        return table

    def _parity(self) -> str:
        checked, mismatches = self.parity.checked, self.parity.mismatches
        return f"{checked:,}, {f'[bold red]{mismatches:,} differ[/]' if mismatches else 'the same to the last bit'}"

    def _false_alarms(self) -> str:
        outcome = self.outcome
        text = f"{len(outcome.false_alarms)} in {outcome.normal_hours:.1f} normal machine hours"
        if outcome.false_alarms:
            text += f" ({outcome.false_alarms_per_hour:.2f} an hour; {len(outcome.on_sensor_faults)} on sensor faults)"
        return text


def _read(alert: AlertSpan) -> str:
    """Return what the operator read, and what was being made."""
    context = alert.context
    if context is None or not (context.product or context.shift):
        return escape(alert.message)
    made = ", ".join(each for each in (context.product, context.batch, context.shift) if each)
    return f"{escape(alert.message)} [dim]({escape(made)})[/]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _name(asset: str) -> str:
    return asset.rsplit("/", 1)[-1]


def _clock(moment: int) -> str:
    return isoformat(moment)[11:19]


def _seconds(micros: int) -> str:
    return f"{micros / SECOND:,.0f} s"
