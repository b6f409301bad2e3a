"""Raw values -> values in the model's units, with quality marks. Pure; used by context and trainer."""

from andon.quality.inspector import Inspected, Inspector
from andon.quality.watch import Arrivals

__all__ = ["Arrivals", "Inspected", "Inspector"]
