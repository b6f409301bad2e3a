"""Parity: whether the feature vectors that were sent are those that the offline path makes of the same frames."""

from andon.parity.checker import Checker, Subject
from andon.parity.compare import Difference, Parity

__all__ = ["Checker", "Difference", "Parity", "Subject"]
