"""What the plant says of itself, joined to what it measures: orders, batches, shifts, machine states. Pure."""

from andon.production.facts import Fact, fact_of
from andon.production.join import ContextJoin
from andon.production.knowledge import Change, Knowledge

__all__ = ["Change", "ContextJoin", "Fact", "Knowledge", "fact_of"]
