"""An environment without settings, so that a test sees only its own."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("ANDON_"):
            monkeypatch.delenv(name)
