"""A small plant for the tests of the Sparkplug host: a line that is an edge node, with two pumps behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from andon.clock import SECOND
from andon.contracts import Origin
from andon.plant import Plant
from sandbox.edge_node import EdgeNode, Outgoing, Value
from services.ingest.readings import Signals
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.host import Host
from services.ingest.sparkplug.outcome import Outcome

T0 = 1_767_225_600 * SECOND
GROUP, NODE = "acme:north", "water:line-1"
#: Pumps, as device ids.
PUMP, OTHER = "pump-1", "pump-2"
METRICS: dict[str | None, dict[str, Value]] = {
    None: {"power": 11.0},
    PUMP: {"Motor/Temperature": 40.0, "starts": 3, "running": True, "mode": "auto"},
    OTHER: {"Motor/Temperature": 50.0, "starts": 4, "running": False, "mode": "hand"},
}
NODE_TOPIC = f"spBv1.0/{GROUP}/%s/{NODE}"
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "line": {"tags": {"power": {}}},
            "pump": {
                "tags": {
                    "motor.temperature": {},
                    "starts": {"kind": "integer"},
                    "running": {"kind": "boolean"},
                    "mode": {"kind": "state", "states": ["auto", "hand"]},
                }
            },
        },
        "assets": {
            "water/line-1": {"class": "line"},
            "water/line-1/pump-1": {"class": "pump"},
            "water/line-1/pump-2": {"class": "pump"},
        },
    }
)
SIGNALS = Signals(PLANT)


def config(**fields: Any) -> SparkplugConfig:
    return SparkplugConfig.model_validate(
        {"name": "floor", "kind": "sparkplug", "broker": {"host": "127.0.0.1"}} | fields
    )


@dataclass
class Now:
    """A clock that stands until it is set."""

    time: int = T0

    def __call__(self) -> int:
        return self.time


@dataclass
class Floor:
    """A host and what it has said so far; every message takes a millisecond."""

    host: Host
    now: Now = field(default_factory=Now)
    out: Outcome = field(default_factory=Outcome)

    def hear(self, *messages: Outgoing) -> Outcome:
        """Let the host hear messages and return what follows from these."""
        heard = Outcome()
        for topic, body in messages:
            self.now.time += 1_000
            _add(heard, self.host.receive(topic, body, self.now()))
        _add(self.out, heard)
        return heard

    def wait(self, duration: int) -> Outcome:
        """Let time pass and return what follows."""
        self.now.time += duration
        ticked = self.host.tick(self.now())
        _add(self.out, ticked)
        return ticked

    def latest(self) -> dict[tuple[str, str], Value]:
        """Return the newest live value of every signal that the host has told."""
        live = (batch for batch in self.out.readings if batch.origin is Origin.LIVE)
        return {name: value for batch in live for name, value in values(batch).items()}


def floor(**fields: Any) -> Floor:
    return Floor(Host(config(**fields), PLANT, SIGNALS))


def edge_node(clock: Now, *, aliased: bool = True) -> EdgeNode:
    node = EdgeNode(GROUP, NODE, METRICS, aliased=aliased, clock=clock)
    node.connect()
    return node


def values(*batches: Any) -> dict[tuple[str, str], Any]:
    """Return readings as (asset, tag) to value."""
    return {
        SIGNALS.name(signal): value
        for batch in batches
        for signal, value in zip(batch.signals, batch.values, strict=True)
    }


def reasons(out: Outcome) -> list[str]:
    return [str(refusal.reason) for refusal in out.refusals]


def _add(total: Outcome, more: Outcome) -> None:
    total.state_denied |= more.state_denied
    total.expected += more.expected
    total.readings += more.readings
    total.refusals += more.refusals
    total.rebirths += more.rebirths
    total.unmapped += more.unmapped
    total.gaps += more.gaps


def pump(number: int = 1) -> str:
    return f"water/line-1/pump-{number}"
