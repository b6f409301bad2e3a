"""``python -m images.sbom FOLDER``: a CycloneDX bill of materials of each image's Python environment.

The versions are those installed here, which constraints.txt pins for the images too. What the base image brings is not
in it; `docker buildx build --sbom=true` adds that.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from packaging.utils import canonicalize_name

from andon.errors import ConfigError
from images.closure import ANDON, Extras

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
_SPEC_VERSION = "1.6"
_MODULES = tuple((PYPROJECT.parent / "services").glob("*/__main__.py"))
Bom = dict[str, Any]
"""A bill of materials, as its JSON has it."""


def services(extras: Extras) -> list[str]:
    """Return the names of all images: those of the services that can be run and have an extra."""
    return sorted(path.parent.name for path in _MODULES if path.parent.name in extras.extras)


def environment_bom(python: Path) -> Bom:
    """Return the bill of materials of a whole environment.

    Raises:
        ConfigError: it cannot be made.
    """
    options = ("--mc-type", "application", "--spec-version", _SPEC_VERSION, "--output-reproducible")
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", str(PYPROJECT), *options, str(python)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"cyclonedx-bom made no bill of materials: {done.stderr.strip()}")
    bom: Bom = json.loads(done.stdout)
    return bom


def image_bom(whole: Bom, extras: Extras, service: str) -> Bom:
    """Return the part of an environment's bill of materials that one service's image carries."""
    brought = extras.closure(service).keys()
    components = [each for each in whole["components"] if canonicalize_name(each["name"]) in brought]
    root = whole["metadata"]["component"] | {"name": f"{ANDON}-{service}"}
    kept = {each["bom-ref"] for each in components}
    direct: set[str] = {canonicalize_name(each.name) for each in (*extras.base, *extras.direct(service))}
    needs = [{"ref": root["bom-ref"], "dependsOn": _refs(components, direct)}]
    needs += [_narrowed(each, kept) for each in whole["dependencies"] if each["ref"] in kept]
    return whole | {
        "metadata": whole["metadata"] | {"component": root},
        "components": components,
        "dependencies": needs,
    }


def _refs(components: list[Bom], names: set[str]) -> list[str]:
    return sorted(each["bom-ref"] for each in components if canonicalize_name(each["name"]) in names)


def _narrowed(needs: Bom, kept: set[str]) -> Bom:
    return needs | {"dependsOn": [ref for ref in needs.get("dependsOn", ()) if ref in kept]}


def main(folder: Annotated[Path, typer.Argument(help="Takes a file SERVICE.cdx.json for each image.")]) -> None:
    """Write a bill of materials of each image."""
    extras, whole = Extras.read(PYPROJECT), environment_bom(Path(sys.executable))
    folder.mkdir(parents=True, exist_ok=True)
    for service in services(extras):
        bom = image_bom(whole, extras, service)
        (folder / f"{service}.cdx.json").write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
        typer.echo(f"{ANDON}-{service}: {len(bom['components'])} distributions")


if __name__ == "__main__":
    typer.run(main)
