"""`make chaos`: real services under load while things go wrong, and the proof that nothing came of it."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

import typer

from andon.telemetry import configure_logs
from tests.chaos.conduct import FAULTS, Plan, Report, conduct
from tests.chaos.report import said, write
from tests.chaos.restart import NAME, conduct_restart
from tests.chaos.timeline import Timeline

_MOST_FINDINGS = 20


def main() -> int:
    """Return 0 when every fault happened and nothing was found."""
    options = _options()
    names = list(FAULTS) if options.fault == "all" else [options.fault]
    plan = Plan(names, options.seconds, options.seed, options.longest, options.patience)
    configure_logs("chaos", level="error", form="console")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    typer.echo(f"logs are in {folder}")
    report = asyncio.run(_run(plan, folder.resolve()))
    _tell(report)
    if options.write and not report.idle:
        write(options.write, report)
    return 1 if report.findings or report.idle else 0


async def _run(plan: Plan, folder: Path) -> Report:
    """Do what a plan says; when told to stop, leave nothing behind."""
    way = conduct_restart if NAME in plan.faults else conduct
    run = asyncio.create_task(way(plan, folder, Timeline(typer.echo)))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, run.cancel)
    return await run


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--fault", default="all", choices=["all", *FAULTS, NAME], metavar="NAME", help="all at once if not given"
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long load and faults last")
    parser.add_argument("--seed", type=int, default=1, help="of random times and choices")
    parser.add_argument("--longest", type=float, default=60, help="seconds that one fault lasts at most")
    parser.add_argument("--patience", type=float, default=90, help="seconds to wait for what is missing in the end")
    parser.add_argument("--folder", type=Path, help="takes logs; a new one if not given")
    parser.add_argument("--write", type=Path, help="write the result into this document, between its markers")
    return parser.parse_args()


def _tell(report: Report) -> None:
    for name, why in report.skipped.items():
        typer.echo(f"skipped {name}: {why}")
    for name in report.idle:
        typer.echo(f"{name} never happened, so nothing is proven of it: give it more --seconds")
    for outcome in report.outcomes:
        typer.echo(said(outcome))
    for finding in report.findings[:_MOST_FINDINGS]:
        typer.echo(f"  {finding}"[:2_000])
    typer.echo(f"{len(report.findings)} findings in {report.frames:,} frames; {report.took:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
