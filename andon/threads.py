"""How many threads Polars may use; to be said before anything imports Polars, which asks once."""

from __future__ import annotations

import os


def one_polars_thread() -> None:
    """Let Polars work in the thread that calls it, unless ``POLARS_MAX_THREADS`` says otherwise.

    A stage takes one batch at a time, of some thousand rows: handing those to several threads takes a tenth more
    processor time than it saves. What wants more processors runs more workers, which share the partitions.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
