"""`andon demo` and `andon up`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from andon.clock import wall_clock
from andon.errors import ConfigError
from andon.plant.load import load_plant
from andon.recordings import load_mapping
from andon.telemetry import configure_logs
from sandbox.chain import HISTORY, STAGES, Chain, running_chain, sources_file
from sandbox.demo.drifting.report import show
from sandbox.demo.drifting.run import run_play
from sandbox.demo.drifting.scenario import make_play
from sandbox.demo.feed import Feed
from sandbox.demo.page import render
from sandbox.demo.run import DemoOptions, run_demo
from sandbox.demo.scenario import TRAINING_ROWS, Scenario, recorded, simulated, with_topics_of_its_own
from sandbox.monitor import resident_bytes
from sandbox.station.simulate import StationConfig
from services.ingest.recording.config import check_speed
from services.trainer.dataset import train_recording

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "red")
_BROKER_CHECK_S = 5.0


def _checked_speed(speed: str | None) -> str | None:
    """Refuse a wrong speed before anything is trained for it."""
    if speed is not None:
        try:
            check_speed(speed)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return speed


def demo(
    recording: Annotated[
        Path | None, typer.Option(help="Folder of a labelled recording; none: simulate a plant.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="How to read it; found by itself for known layouts.")] = None,
    plant: Annotated[Path | None, typer.Option(help="Plant model; the one beside the mapping if not given.")] = None,
    training_rows: Annotated[int, typer.Option(min=1, help="Rows of each file that are normal.")] = TRAINING_ROWS,
    seconds: Annotated[float, typer.Option(min=1, help="How long the streaming should take.")] = 40.0,
    speed: Annotated[
        str | None,
        typer.Option(callback=_checked_speed, help="Times true speed, or `max`; decides instead of --seconds."),
    ] = None,
    source: Annotated[Feed, typer.Option(help="How the simulated machines are read.")] = (Feed.RECORDING),
    seed: Annotated[int, typer.Option(help="Seed of the simulated plant.")] = StationConfig().seed,
    directory: Annotated[Path, typer.Option(help="For recordings, models, logs and the report.")] = Path("run/demo"),
    picture: Annotated[Path | None, typer.Option(help="Save the report as a picture, too (SVG).")] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Instead: wear, a faulty sensor and a new product, and a model retrained.")
    ] = False,
) -> None:
    """Train on the normal part of a recording, stream the rest through the whole chain, and judge the alerts.

    Needs nothing but this installation: broker and machines are embedded. ANDON_KAFKA__BOOTSTRAP_SERVERS points
    it at a real Kafka.
    """
    console = Console(highlight=False)
    if drift:
        _refuse_beside_drift(recording, mapping, plant, speed, picture, source is not Feed.RECORDING)
        _drift(directory, seed, seconds, console)
        return
    if recording and source is not Feed.RECORDING:
        raise ConfigError(f"--source {source} plays the simulated station: leave out --recording")
    scenario = recorded(recording, mapping, plant, training_rows) if recording else simulated(directory, seed)
    if "ANDON_KAFKA__BOOTSTRAP_SERVERS" in os.environ:
        prefix = f"demo-{int(time.time())}"
        scenario = with_topics_of_its_own(scenario, directory, prefix)
        console.print(f"topics of this run begin with {prefix} and stay on your broker until you delete them")
    console.print(f"[bold]{escape(scenario.title)}[/]: {len(scenario.events)} labelled events to find")

    def train(bundles: Path, false_alarm_rate: float) -> None:
        _train(scenario, bundles, false_alarm_rate)

    report = asyncio.run(run_demo(scenario, DemoOptions(directory, source, seconds, speed), train, console))
    report.show(console)
    if picture:
        report.save_picture(picture)
    target = directory / "report.json"
    target.write_bytes(report.to_json())
    console.print(f"report for machines: {target}")
    page = directory / "report.html"
    page.write_text(render(report), encoding="utf-8")
    console.print(f"[bold]report to show:[/] {page}")


def _refuse_beside_drift(*given: object) -> None:
    if any(given):
        raise ConfigError("--drift plays pumps of its own: only --seed, --seconds and --directory go with it")


def _drift(directory: Path, seed: int, seconds: float, console: Console) -> None:
    """Play the change of three pumps, and exit with 1 if anything was not as it must be."""
    configure_logs("demo", level="warning", form="console")
    own = directory / "drift"
    own.mkdir(parents=True, exist_ok=True)
    prefix = f"drift-{int(time.time())}" if "ANDON_KAFKA__BOOTSTRAP_SERVERS" in os.environ else None
    found = asyncio.run(run_play(make_play(own, seed, wall_clock(), prefix=prefix), own, seconds, console))
    show(found, console)
    if not all(each.ok for each in found):
        raise typer.Exit(1)


def _train(scenario: Scenario, bundles: Path, false_alarm_rate: float) -> None:
    part = scenario.training
    plant = load_plant(scenario.plant_file)
    train_recording(
        plant,
        part.folder,
        load_mapping(part.mapping),
        bundles,
        skip_rows=part.skip_rows,
        max_rows=part.max_rows,
        false_alarm_rate=false_alarm_rate,
    )


def up(
    plant: Annotated[Path, typer.Option(help="Plant model.")],
    bundles: Annotated[Path, typer.Option(help="Folder of model bundles.")] = Path("bundles"),
    sources: Annotated[Path | None, typer.Option(help="Sources file: the machines to read.")] = None,
    recording: Annotated[
        Path | None, typer.Option(help="Instead of --sources: a recording to replay for ever, at true speed.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="How to read it.")] = None,
    mes: Annotated[Path | None, typer.Option(help="Mapping file of MES and ERP tables to read orders from.")] = None,
    sinks: Annotated[Path | None, typer.Option(help="Sinks file: whom to tell of alerts.")] = None,
    directory: Annotated[Path, typer.Option(help="For logs and the database's files.")] = Path("run/up"),
    broker_limit: Annotated[int, typer.Option(help="MiB that the embedded broker may hold before all stops.")] = 4_096,
) -> None:
    """Run broker, database and all services until Ctrl-C; every restart of a service is announced."""
    console = Console(highlight=False)
    if sources and recording:
        raise ConfigError("--sources and --recording exclude each other: name the recording in the sources file")
    source = sources_file(directory, _endless(recording, mapping)) if recording else None
    if sources:
        source = {
            "ANDON_INGEST__SOURCES": str(sources.resolve()),
            "ANDON_INGEST__SPOOL__DIRECTORY": str(directory / "spool"),
        }
    bundles.mkdir(parents=True, exist_ok=True)  # a plant without models is watched by its limits
    files = {"mes": ("ANDON_MES__FILE", mes), "notify": ("ANDON_NOTIFY__SINKS", sinks)}
    wanted = {name: {variable: str(file.resolve())} for name, (variable, file) in files.items() if file}
    asyncio.run(_up(plant, bundles.resolve(), source, wanted, directory, broker_limit, console))


def _endless(recording: Path, mapping: Path | None) -> dict[str, Any]:
    chosen = mapping or recording / "mapping.yaml"
    paths = {"folder": str(recording.resolve()), "mapping": str(chosen.resolve())}
    return {"name": "recording", "kind": "recording", **paths, "times": "now", "loop": True}


async def _up(
    plant: Path,
    bundles: Path,
    source: dict[str, str] | None,
    wanted: Mapping[str, dict[str, str]],
    directory: Path,
    limit: int,
    console: Console,
) -> None:
    def say(service: str, line: str) -> None:
        colour = _COLOURS[sum(service.encode()) % len(_COLOURS)]
        console.print(f"[{colour}]{service:>16}[/] [dim]|[/] {escape(line)}", soft_wrap=True)

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_chain(plant, directory, say) as chain:
        chain.following = {"ANDON_INFERENCE__BUNDLES": str(bundles), "ANDON_MODELS__UNSIGNED": "allow"}
        chain.watching = {"ANDON_DRIFT__BUNDLES": str(bundles), "ANDON_MODELS__UNSIGNED": "allow"}
        console.print(f"broker at {chain.kafka.bootstrap_servers}; Ctrl-C stops everything")
        console.print(f"[yellow]models are loaded from {bundles} without signatures: for development only[/]")
        await _start_all(chain, wanted, directory)
        if source:
            await chain.start("ingest", source)
        for name, port in chain.ports.items():
            console.print(f"{name:>16}: metrics and health at http://127.0.0.1:{port}")
        await _until(stop, chain, limit, console)
        console.print("stopping")


async def _start_all(chain: Chain, wanted: Mapping[str, dict[str, str]], directory: Path) -> None:
    """Start all services but the sources, and return when they may be given work.

    Args:
        chain: where they run.
        wanted: those that run only when they are asked for, with their environment.
        directory: for the lake.
    """
    for name in STAGES:
        await chain.start(name)
    await chain.start_history()
    await chain.start("historian", {"ANDON_HISTORIAN__LAKE__DIRECTORY": str((directory / "lake").resolve())})
    await chain.start("oee")
    await chain.start("parity")
    await chain.start("drift")
    for name, environment in wanted.items():
        await chain.start(name, environment)
    await chain.ready(*STAGES, HISTORY, "historian", "oee", "parity", "drift", *wanted)


async def _until(stop: asyncio.Event, chain: Chain, limit: int, console: Console) -> None:
    failed = asyncio.create_task(chain.supervisor.finished(STAGES[0]))
    try:
        while not stop.is_set() and not failed.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BROKER_CHECK_S):
                    await asyncio.wait((failed, asyncio.create_task(stop.wait())), return_when=asyncio.FIRST_COMPLETED)
            if chain.broker and _over_limit(chain.broker.pid, limit, console):
                return
        if failed.done():
            failed.result()
    finally:
        failed.cancel()


def _over_limit(pid: int, limit: int, console: Console) -> bool:
    size = (resident_bytes(pid) or 0) / 2**20
    if size <= limit:
        return False
    console.print(
        f"[bold red]the embedded broker holds {size:,.0f} MiB[/], over --broker-limit {limit:,}: it keeps every record "
        "in memory. Start again, raise the limit, or use a real Kafka (ANDON_KAFKA__BOOTSTRAP_SERVERS)."
    )
    return True
