"""Feature vectors in, verdicts with reasons out."""

from andon.threads import one_polars_thread

one_polars_thread()
