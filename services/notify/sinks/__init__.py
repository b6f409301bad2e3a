"""The kinds of sink, and what they have in common."""
