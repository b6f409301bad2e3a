"""How every service starts: settings, logs, plant model, run until told to stop, exit code."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiokafka.errors import KafkaError

from andon.errors import AndonError, DatabaseError
from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.settings import SettingsType, read_settings
from andon.stream.stage import StageSpec
from andon.stream.worker import Worker
from andon.telemetry import Metrics, configure_logs, get_logger
from andon.telemetry.certificates import show_certificates

_log = get_logger(__name__)

#: Exit code for what a person must correct; a supervisor need not try again.
EXIT_CONFIG = 2
#: Exit code for everything else that ended the service; restarting can help.
EXIT_FAILURE = 1

Runner = Callable[[Plant, SettingsType, Metrics, asyncio.Event], Awaitable[None]]


def run_service(name: str, settings_type: type[SettingsType], runner: Runner[SettingsType]) -> None:
    """Read the settings and the plant model, run until SIGTERM or SIGINT, and exit the process.

    Args:
        name: the service's name.
        settings_type: its settings.
        runner: does the work until the event is set.
    """
    try:
        settings = read_settings(settings_type)
        configure_logs(name, level=settings.telemetry.log_level, form=settings.telemetry.log_format)
        plant = load_plant(settings.plant)
        asyncio.run(_until_stopped(name, plant, settings, runner))
    except DatabaseError as error:
        _log.error("the database cannot be used", error=str(error))
        sys.exit(EXIT_FAILURE)
    except AndonError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(EXIT_CONFIG)
    except KafkaError as error:
        _log.error("the broker cannot be used", servers=settings.kafka.bootstrap_servers, error=repr(error))
        sys.exit(EXIT_FAILURE)


def run_stage(
    name: str, settings_type: type[SettingsType], build: Callable[[Plant, SettingsType, Metrics], StageSpec]
) -> None:
    """Run a service that is one stage of the data's way; see `run_service`.

    Args:
        name: the service's name.
        settings_type: its settings.
        build: makes the stage; may load models and count what it refused.
    """

    async def runner(plant: Plant, settings: SettingsType, metrics: Metrics, stop: asyncio.Event) -> None:
        worker = Worker(build(plant, settings, metrics), plant, settings, metrics=metrics)
        async with collected_by_the_clock():
            await worker.run(stop)

    run_service(name, settings_type, runner)


async def run_until(stop: asyncio.Event, *work: Coroutine[Any, Any, None]) -> None:
    """Work until *stop* is set, or one part of the work has ended, then cancel the rest.

    Raises:
        Exception: what ended a part of the work.
    """
    tasks = [asyncio.create_task(each) for each in work]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.wait((*tasks, stopping))
    for task in tasks:
        if not task.cancelled():
            task.result()


async def _until_stopped(name: str, plant: Plant, settings: SettingsType, runner: Runner[SettingsType]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics(name)
    show_certificates(metrics, settings)
    await runner(plant, settings, metrics, stop)


__all__ = ["EXIT_CONFIG", "EXIT_FAILURE", "run_service", "run_stage", "run_until"]
