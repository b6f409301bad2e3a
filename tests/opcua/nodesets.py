"""The OPC Foundation's companion specifications, where they are: beside the project, never in it."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "nodesets"
_FILES = (
    "DI/Opc.Ua.Di.NodeSet2.xml",
    "IA/Opc.Ua.IA.NodeSet2.xml",
    "IA/Opc.Ua.IA.NodeSet2.examples.xml",
    "Machinery/Opc.Ua.Machinery.NodeSet2.xml",
    "Machinery/Opc.Ua.Machinery.Examples.NodeSet2.xml",
)


def companion_nodesets() -> list[Path]:
    """Return the NodeSets of devices, industrial automation and machinery, in the order to load them; or skip."""
    files = [_FOLDER / name for name in _FILES]
    if missing := [file.name for file in files if not file.exists()]:
        pytest.skip(f"companion NodeSets {', '.join(missing)} are not in ../shared/data/nodesets")
    return files
