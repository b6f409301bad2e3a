"""Sparkplug B: the host application's side of edge nodes and their devices."""
