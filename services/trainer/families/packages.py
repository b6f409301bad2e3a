"""Packages that only training needs, and only some families: imported when one is fitted."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from andon.errors import TrainingError


def load(module: str, package: str) -> Any:
    """Import *module*.

    Raises:
        TrainingError: its *package* is not installed; says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise TrainingError(f"this model family needs the package {package}: pip install 'andon[train]'") from error
