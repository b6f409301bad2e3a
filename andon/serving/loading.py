"""Finds each asset class's model in a folder of bundles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from andon.errors import BundleError, ConfigError
from andon.models import Bundle, load_bundle
from andon.signing import Role, Trust, check_four_eyes


@dataclass(frozen=True, slots=True)
class Refused:
    """A bundle that is not used, and why."""

    path: Path
    asset_class: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder of bundles holds.

    Attributes:
        bundles: asset class to its newest sound bundle.
        refused: bundles that must not be used; none of them keeps another from being loaded.
    """

    bundles: Mapping[str, Bundle]
    refused: tuple[Refused, ...]


def load_bundles(folder: Path, classes: Iterable[str], trust: Trust | None) -> Loaded:
    """Load the newest sound bundle of each asset class from ``<folder>/<asset class>/<bundle>``.

    So the way back to an older model is to remove the newer one's folder. A class without a folder has
    no model yet, which is no error.

    Args:
        folder: the folder of bundles.
        classes: the asset classes.
        trust: whose signatures count, of author and approver; None loads unsigned ones, for development.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"the folder of bundles {folder} is not there: train a model into it, or correct the path")
    bundles: dict[str, Bundle] = {}
    refused: list[Refused] = []
    for name in classes:
        sound = []
        for path in _bundle_folders(folder / name):
            try:
                sound.append(_load(path, name, trust))
            except BundleError as error:
                refused.append(Refused(path, name, str(error)))
        if sound:
            bundles[name] = max(sound, key=lambda bundle: (bundle.manifest.created, bundle.manifest.version))
    return Loaded(bundles, tuple(refused))


def _bundle_folders(folder: Path) -> list[Path]:
    """Return the bundles' folders; hidden ones are still being written."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _load(path: Path, asset_class: str, trust: Trust | None) -> Bundle:
    if trust:
        check_four_eyes(*(trust.verify_kept(path, role) for role in Role))
    bundle = replace(load_bundle(path), verified="approver" if trust else "none")
    if bundle.manifest.asset_class != asset_class:
        raise BundleError(
            f"{path}: is a model for class {bundle.manifest.asset_class!r}, but lies in the folder of {asset_class!r}"
        )
    return bundle
