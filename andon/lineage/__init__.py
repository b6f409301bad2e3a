"""From a decision back to the samples that made it."""

from andon.lineage.chain import Chain, Link, Place, parse_id, parse_lineage

__all__ = ["Chain", "Link", "Place", "parse_id", "parse_lineage"]
