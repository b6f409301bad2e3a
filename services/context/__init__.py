"""Raw frames in, frames with plant context, units and quality marks out."""

from andon.threads import one_polars_thread

one_polars_thread()
