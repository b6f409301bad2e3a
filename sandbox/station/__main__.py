"""``python -m sandbox.station FOLDER``: write the default scenario as two recordings, training and live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.station.record import write_recording
from sandbox.station.simulate import StationConfig, simulate


def main(
    folder: Annotated[Path, typer.Argument(help="Folder to write `training/` and `live/` into.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = StationConfig().seed,
) -> None:
    """Simulate the pumping station and write what its sensors said, and what was really wrong."""
    simulation = simulate(StationConfig(seed=seed))
    write_recording(simulation.training, folder / "training")
    write_recording(simulation.live, folder / "live")
    typer.echo(f"{simulation.frames.height:,} rows and {simulation.labels.height} labelled faults in {folder}")


if __name__ == "__main__":
    typer.run(main)
