"""Machines and recordings in, raw frames out."""
