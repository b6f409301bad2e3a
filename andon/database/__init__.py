"""PostgreSQL: connections and migrations. What the tables mean stands in `migrations/`."""

from andon.database.connection import Database, connect
from andon.database.migrate import Migration, migrate, migrations

__all__ = ["Database", "Migration", "connect", "migrate", "migrations"]
