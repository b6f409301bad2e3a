"""Write all dashboards: ``python -m helm.dashboards``."""

from __future__ import annotations

from pathlib import Path

from helm.dashboards.boards import BOARDS
from helm.dashboards.grafana import to_json

#: Where the chart takes them from.
FOLDER = Path(__file__).parents[1] / "andon" / "dashboards"


def write(folder: Path) -> None:
    """Write one file a dashboard into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (folder / f"{board.name}.json").write_text(to_json(board), encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
