"""What the Dockerfile installs for a service is enough to run it, and it writes to nothing but its volume.

The same commands as there make the smallest service's environment and add what inference has.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from sandbox.broker import EmbeddedBroker, embedded_broker, free_port
from tests.images.test_image_extras import EXTRAS, OWN

pytestmark = pytest.mark.images

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with embedded_broker(tmp_path_factory.mktemp("broker") / "broker.log") as broker:
        yield broker


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment, with the wheel beside it."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    run(folder, "-m", "pip", "--quiet", "wheel", "--no-deps", "--wheel-dir", str(folder / "dist"), str(ROOT))
    return folder


def run(environment: Path, *arguments: str) -> str:
    """Run the environment's Python, away from the sources."""
    command = [str(environment / "bin" / "python"), *arguments]
    return subprocess.run(command, cwd=environment, check=True, capture_output=True, text=True, timeout=300).stdout


def install(environment: Path, extra: str) -> set[str]:
    """Install as the Dockerfile does, and return which distributions are there."""
    (wheel,) = (environment / "dist").glob("andon-*.whl")
    constraints = str(ROOT / "constraints.txt")
    run(environment, "-m", "pip", "--quiet", "install", "--constraint", constraints, f"{wheel}[{extra}]")
    listing = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()))"
    found = run(environment, "-c", listing).lower().replace("_", "-").replace(".", "-").split()
    return set(found) - {"pip", "setuptools", *OWN}


@contextmanager
def serving(environment: Path, service: str, broker: EmbeddedBroker, volume: Path) -> Iterator[dict[str, str]]:
    """Run a service as its image does: its command, an environment of its own, and one folder to write to."""
    (environment / "plant.yaml").write_text(
        yaml.safe_dump({**yaml.safe_load((ROOT / "examples/pumps/plant.yaml").read_text()), "site": service})
    )
    variables = {
        **broker.environment(),
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "ANDON_PLANT": str(environment / "plant.yaml"),
        "ANDON_TELEMETRY__PORT": str(free_port()),
        "ANDON_MODELS__UNSIGNED": "allow",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(volume),
    }
    process = subprocess.Popen(
        ["python", "-m", f"services.{service}"],
        executable=environment / "bin" / "python",
        cwd=volume,
        env=variables,
    )
    try:
        yield variables
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE_S) == 0
    finally:
        process.kill()


def healthy(environment: Path, variables: dict[str, str]) -> bool:
    """What the image's HEALTHCHECK finds."""
    command = ["python", "-m", "andon.healthy"]
    python = environment / "bin" / "python"
    return subprocess.run(command, executable=python, env=variables, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("service", ["feature", "inference"])
def test_a_service_runs_on_what_its_image_carries(environment: Path, broker: EmbeddedBroker, service: str) -> None:
    assert install(environment, service) == EXTRAS.closure(service).keys()
    volume = environment / f"state-{service}"
    (volume / "bundles").mkdir(parents=True)
    with serving(environment, service, broker, volume) as variables:
        before = files(environment)
        deadline = time.monotonic() + _PATIENCE_S
        while not healthy(environment, variables):
            assert time.monotonic() < deadline, f"{service} does not become healthy"
    assert not healthy(environment, variables)
    assert {path for path in files(environment) - before if volume not in path.parents} == set()


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))
