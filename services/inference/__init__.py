"""Feature vectors in, verdicts with reasons out."""
