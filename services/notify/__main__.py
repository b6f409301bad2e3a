"""Run the notify service: ``python -m services.notify``."""

from __future__ import annotations

from andon.service import run_service
from services.notify.service import run
from services.notify.settings import ServiceSettings

if __name__ == "__main__":
    run_service("notify", ServiceSettings, run)
