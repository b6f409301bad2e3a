"""Prometheus itself, where it is installed."""

from __future__ import annotations

import shutil

import pytest

#: Both programs come in one package.
INSTALLED = bool(shutil.which("prometheus") and shutil.which("promtool"))
needs_prometheus = pytest.mark.skipif(not INSTALLED, reason="Prometheus is not installed (its package is named prometheus)")
