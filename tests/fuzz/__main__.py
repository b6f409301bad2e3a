"""`make fuzz`: every target for a time, and an input that broke one again."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import re
import subprocess
import sys
import tempfile
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

import typer

from andon.settings import DatabaseSettings
from andon.telemetry import configure_logs
from sandbox.broker import embedded_broker
from sandbox.database import embedded_database
from tests.fuzz.search import search_for
from tests.fuzz.target import Backends, Target, bounded_growth, examine
from tests.fuzz.targets import TARGETS

_EXECUTED = re.compile(r"number_of_executed_units:\s*(\d+)")


def main() -> int:
    """Return how many targets broke."""
    options = _options()
    # Targets log each refusal, thousands of them.
    configure_logs("fuzz", level="error", form="console")
    for name in ("aiohttp.server", "grpc._cython.cygrpc"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    chosen = [TARGETS[name] for name in options.target or TARGETS]
    if options.input:
        return _replayed(chosen[0], options.input)
    options.folder.mkdir(parents=True, exist_ok=True)
    return sum(not _fuzzed(target, options) for target in chosen)


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, metavar="NAME", help="all when not given")
    parser.add_argument("--seconds", type=float, default=600, help="for each target")
    parser.add_argument("--input", type=Path, help="give the target this file instead, and say what comes of it")
    parser.add_argument("--folder", type=Path, default=Path("run/fuzz"), help="takes inputs that break a target")
    parser.add_argument("--unguided", action="store_true", help="by Hypothesis even where Atheris is installed")
    options = parser.parse_args()
    if options.input and len(options.target or ()) != 1:
        parser.error("--input needs the --target that it is for")
    return options


def _fuzzed(target: Target, options: Namespace) -> bool:
    guided = target.guided and not options.unguided and importlib.util.find_spec("atheris") is not None
    begun = time.monotonic()
    count, broken = (_by_atheris if guided else _by_hypothesis)(target, options.seconds, options.folder)
    engine, seconds = "Atheris" if guided else "Hypothesis", time.monotonic() - begun
    said = f"BROKEN by {broken}" if broken else "held"
    typer.echo(f"{target.name:>20}: {said}; {count:,} inputs by {engine} in {seconds:.0f} s")
    return not broken


def _by_atheris(target: Target, seconds: float, folder: Path) -> tuple[int, Path | None]:
    before = set(folder.glob(f"{target.name}-*"))
    command = [sys.executable, "-m", "tests.fuzz.guided", target.name, str(round(seconds)), str(folder)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    executed = _EXECUTED.search(process.stderr)
    broken = sorted(set(folder.glob(f"{target.name}-*")) - before)
    if process.returncode or broken:
        typer.echo(process.stderr, err=True)
    nameless = folder / f"{target.name}-no-input" if process.returncode else None
    return int(executed[1]) if executed else 0, broken[0] if broken else nameless


def _by_hypothesis(target: Target, seconds: float, folder: Path) -> tuple[int, Path | None]:
    tried: list[bytes] = [b""]
    count = 0

    def note(data: bytes) -> None:
        nonlocal count
        count += 1
        tried[0] = data

    try:
        with backends(target) as servers, target.open(servers) as parse, bounded_growth():
            search_for(target, parse, seconds, note)
    except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
        traceback.print_exc()
        (broken := folder / f"{target.name}-{time.time_ns()}").write_bytes(tried[0])
        return count, broken
    return count, None


def _replayed(target: Target, file: Path) -> int:
    with backends(target) as servers, target.open(servers) as parse:
        taken = examine(target, parse, file.read_bytes())
    typer.echo("taken" if taken else "refused, as it should be")
    return 0


@contextlib.contextmanager
def backends(target: Target) -> Iterator[Backends]:
    """Run the servers that a target needs behind it, for the length of a `with` block."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        kafka = database = None
        if "kafka" in target.needs:
            kafka = stack.enter_context(embedded_broker(folder / "broker.log")).settings()
        if "database" in target.needs:
            dsn = stack.enter_context(embedded_database(folder / "postgres"))
            database = DatabaseSettings.model_validate({"dsn": dsn})
        yield Backends(kafka, database)


if __name__ == "__main__":
    sys.exit(main())
