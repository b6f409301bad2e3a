"""Rows that the database refuses, such as texts with NUL or numbers beyond its range, found and set aside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

import asyncpg

_REFUSES = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class Many(Protocol):
    """Rows, or anything else that can be cut."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, part: slice, /) -> Self:
        """Return a part of them."""


_Many = TypeVar("_Many", bound=Many)


async def write_halving(
    many: _Many, write: Callable[[_Many], Awaitable[int]], refuse: Callable[[_Many, str], None]
) -> int:
    """Write all that the database takes, and return the sum of what *write* returns.

    What it refuses is cut in halves until each refused row stands alone, so that its neighbours go on.

    Args:
        many: what to write.
        write: writes all of a part in one transaction, or nothing.
        refuse: told of a single row and why it cannot be written.
    """
    try:
        return await write(many)
    except _REFUSES as error:
        if len(many) == 1:
            refuse(many, str(error))
            return 0
    middle = len(many) // 2
    return await write_halving(many[:middle], write, refuse) + await write_halving(many[middle:], write, refuse)
