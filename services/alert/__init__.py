"""Verdicts in, alerts that a person can act on out."""
