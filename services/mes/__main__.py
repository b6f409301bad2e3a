"""Run the MES service: ``python -m services.mes``."""

from __future__ import annotations

from andon.service import run_service
from services.mes.service import run
from services.mes.settings import ServiceSettings

if __name__ == "__main__":
    run_service("mes", ServiceSettings, run)
