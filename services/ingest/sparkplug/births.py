"""What an edge node and its devices declared at birth: names and aliases of metrics, and which signals they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from andon.sparkplug.v1.payload_pb2 import Metric
from services.ingest.sparkplug.datatypes import READERS, Reader
from services.ingest.sparkplug.mapping import Mapping, Place


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric of a birth.

    Attributes:
        device: who declared it; None is the edge node itself.
        signal: its number; None when its values are passed over.
        read: reads its values.
        unmapped: whether it is passed over because no tag of the plant model fits.
    """

    device: str | None
    signal: int | None
    read: Reader
    unmapped: bool = False


@dataclass(slots=True)
class Findings:
    """What of a birth cannot be used: names of metrics."""

    unmapped: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Declared:
    names: dict[str, Definition] = field(default_factory=dict)
    aliases: list[int] = field(default_factory=list)


class Births:
    """The living part of an edge node: itself (device None) and its devices.

    Aliases are one number space for all of them (specification 3.0.0, 6.4.6).
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._declared: dict[str | None, _Declared] = {}
        self._aliases: dict[int, Definition | None] = {}

    def __contains__(self, device: str | None) -> bool:
        """Return whether the edge node (None) or a device is born."""
        return device in self._declared

    def declare(self, device: str | None, places: tuple[Place, ...], metrics: Iterable[Metric]) -> Findings:
        """Take a birth; what the same one declared before is forgotten."""
        self.drop(device)
        declared, findings = _Declared(), Findings()
        self._declared[device] = declared
        for metric in metrics:
            definition = self._definition(device, places, metric, findings)
            declared.names[metric.name] = definition
            if metric.HasField("alias"):
                self._give_alias(metric, definition, declared, findings)
        return findings

    def _definition(
        self, device: str | None, places: tuple[Place, ...], metric: Metric, findings: Findings
    ) -> Definition:
        signal = self._mapping.signal(places, metric.name)
        read = READERS.get(metric.datatype)
        if signal is None:
            unmapped = self._mapping.is_measurement(metric.name)
            if unmapped:
                findings.unmapped.append(metric.name)
            return Definition(device, None, _nothing, unmapped)
        if read is None:
            findings.unsupported.append(f"{metric.name} (type {metric.datatype})")
            return Definition(device, None, _nothing)
        return Definition(device, signal, read)

    def _give_alias(self, metric: Metric, definition: Definition, declared: _Declared, findings: Findings) -> None:
        """Give a metric its alias; one that is there twice is nobody's, as its values could be of either."""
        if metric.alias in self._aliases:
            findings.ambiguous.append(f"{metric.alias} ({metric.name})")
            self._aliases[metric.alias] = None
        else:
            self._aliases[metric.alias] = definition
            declared.aliases.append(metric.alias)

    def find(self, device: str | None, metric: Metric) -> Definition | None:
        """Return what a metric of a message was declared as; None when it was not, or not by this *device*."""
        if name := metric.name:
            return self._declared[device].names.get(name)
        if not metric.HasField("alias"):
            return None
        found = self._aliases.get(metric.alias)
        return found if found is not None and found.device == device else None

    def signals(self, device: str | None) -> list[int]:
        """Return the signals of a device, or of the edge node itself (None)."""
        declared = self._declared.get(device, _Declared())
        return list(dict.fromkeys(each.signal for each in declared.names.values() if each.signal is not None))

    def drop(self, device: str | None) -> list[int]:
        """Forget a death's device and return the signals that it had."""
        signals = self.signals(device)
        for alias in self._declared.pop(device, _Declared()).aliases:
            self._aliases.pop(alias, None)
        return signals

    def drop_all(self) -> list[int]:
        """Forget the edge node with its devices and return the signals that they had."""
        signals = [signal for device in self._declared for signal in self.signals(device)]
        self._declared.clear()
        self._aliases.clear()
        return signals

    def forget_aliases(self) -> None:
        """Forget all aliases: a birth that was missed may have given them to others. Names stay what they are."""
        self._aliases.clear()
        for declared in self._declared.values():
            declared.aliases.clear()


def _nothing(_: Metric, __: str | None) -> None:
    """Stand for the reader of values that are passed over."""
