"""``python -m sandbox.box``: what compose.yaml's plant in a box needs before it can run, one command a job.

All files are made below one folder, the volume that the jobs share. What is there already is left alone, so that the
jobs can be run again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from sandbox.promotion import promote_all
from sandbox.registry import RegistrySite, make_registry_site
from sandbox.station.record import write_recording
from sandbox.station.simulate import StationConfig, simulate

_LIFETIME = timedelta(days=365)
_DONE = "promoted"

app = typer.Typer(help=__doc__, no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="The folder that the jobs share.")]
Host = Annotated[str, typer.Option(help="What the registry is reached by.")]
Port = Annotated[int, typer.Option(help="Its port.")]


@app.command()
def prepare(folder: Folder, host: Host = "registry", port: Port = 8443) -> None:
    """Simulate the pump station into `station`, and make everybody's keys and certificates in `site`."""
    station, site = folder / "station", folder / "site"
    if not station.exists():
        simulation = simulate(StationConfig())
        write_recording(simulation.training, station / "training")
        write_recording(simulation.live, station / "live")
    if not site.exists():
        make_registry_site(site, port, host, _LIFETIME)


@app.command()
def promote(folder: Folder, host: Host = "registry", port: Port = 8443) -> None:
    """Let Anna publish the models in `bundles`, and Boris approve them."""
    done = folder / _DONE
    if not done.exists():
        asyncio.run(promote_all(RegistrySite(folder / "site", port, host), folder / "bundles", typer.echo))
        done.touch()


if __name__ == "__main__":
    app()
