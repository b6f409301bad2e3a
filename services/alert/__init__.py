"""Verdicts in, alerts that a person can act on out."""

from andon.threads import one_polars_thread

one_polars_thread()
