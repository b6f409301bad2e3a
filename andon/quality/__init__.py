"""Raw values -> values in the model's units, with quality marks and scores. Pure; used by context and trainer."""

from andon.quality.arrivals import Arrivals
from andon.quality.inspector import Inspected, Inspector
from andon.quality.score import Scores

__all__ = ["Arrivals", "Inspected", "Inspector", "Scores"]
