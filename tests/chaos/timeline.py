"""What was done to the services, and when."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """Something that happened; seconds since the timeline began."""

    at: float
    what: str
    detail: str


@dataclass
class Timeline:
    """Entries in order; each is told as well, when it is made."""

    tell: Callable[[str], None] = lambda _: None
    entries: list[Entry] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def note(self, what: str, detail: str) -> None:
        self.entries.append(Entry(self.now, what, detail))
        self.tell(f"{self.now:7.1f} s  {what}: {detail}")

    def counted(self) -> Counter[str]:
        """Return how often each thing happened."""
        return Counter(entry.what for entry in self.entries)
