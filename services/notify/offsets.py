"""How far a partition is done when its records are done in any order. Pure."""

from __future__ import annotations


class Offsets:
    """Offsets of one partition: each is begun once, in ascending order, and done at any time.

    Args:
        start: the first offset to be read.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._open: dict[int, None] = {}  # keeps the order in which they were begun

    def begin(self, offset: int) -> None:
        """Note a record that is at work now."""
        self._open[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Note that a record needs no more work."""
        del self._open[offset]

    @property
    def reached(self) -> int:
        """The offset from which the partition must be read again: all before it is done."""
        return next(iter(self._open), self._next)

    @property
    def waiting(self) -> int:
        """How many records are at work."""
        return len(self._open)
