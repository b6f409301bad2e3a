"""Sparkplug B on the wire, for the host that reads it and for simulated edge nodes."""
