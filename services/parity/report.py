"""Telling the registry what checks came to, so that no model is let through whose features differ in production."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from andon.errors import RegistryError
from andon.parity import Parity, Subject
from andon.registry.client import RegistryClient
from andon.telemetry import Metrics, get_logger

_log = get_logger(__name__)


class Reporter:
    """Reports to one registry.

    Args:
        client: the registry.
        metrics: where to count.
    """

    def __init__(self, client: RegistryClient, metrics: Metrics) -> None:
        self._client, self._metrics = client, metrics
        self._untold: dict[str, Parity] = defaultdict(Parity)

    def add(self, found: Mapping[Subject, Parity]) -> None:
        """Note what a check came to."""
        for subject, parity in found.items():
            if parity.checked:
                self._untold[subject.definition] += parity

    async def tell(self) -> None:
        """Report what was noted. What the registry did not confirm is told again with what follows.

        So a report whose answer was lost counts twice, which changes no decision: one mismatch is as good as two.
        """
        for definition, parity in list(self._untold.items()):
            try:
                await self._client.report_parity(definition, parity.checked, parity.mismatches, parity.largest)
            except RegistryError as error:
                self._metrics.count("andon_parity_reports_total", outcome="failed")
                _log.warning("parity could not be reported", definition=definition, code=error.code, error=str(error))
                return
            self._metrics.count("andon_parity_reports_total", outcome="told")
            del self._untold[definition]
