"""Requests for new models: who asks, what is refused, what becomes of the others."""
