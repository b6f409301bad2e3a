"""Delivering mail to the end: in place of what Kafka refuses as too large goes a dead letter."""

from __future__ import annotations

from andon.clock import Clock
from andon.stream.codec import Line
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.outlet.bus import Bus, Mail
from services.ingest.outlet.letters import too_large

_log = get_logger(__name__)


class Delivery:
    """Delivers over a bus and looks after what is too large."""

    def __init__(self, bus: Bus, metrics: Metrics, clock: Clock) -> None:
        self._bus, self._metrics, self._clock = bus, metrics, clock

    async def deliver(self, mail: Mail, *, history: bool = False) -> dict[Stage, list[Line]]:
        """Send *mail*; return what Kafka has not acknowledged, dead letters included."""
        unsent: dict[Stage, list[Line]] = {}
        while mail:
            left, refused = await self._bus.deliver(mail, history=history)
            for stage, lines in left.items():
                unsent.setdefault(stage, []).extend(lines)
            mail = self._letters(refused)
        return unsent

    def _letters(self, refused: Mail) -> Mail:
        letters = []
        for stage, lines in refused.items():
            for line in lines:
                letter = too_large(stage, line, self._clock())
                _log.error(
                    "larger than the broker takes", stage=stage, key=line.key, bytes=line.size, kept=bool(letter)
                )
                self._metrics.count("andon_deadletters_total", stage=stage, reason="too_large")
                letters += [letter] if letter else []
        return {Stage.DEADLETTER: letters} if letters else {}
