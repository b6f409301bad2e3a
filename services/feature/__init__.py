"""Context frames in, feature vectors out: hopping event-time windows per asset."""

from andon.threads import one_polars_thread

one_polars_thread()
