"""Readings in, frames out: values in, values out, no I/O and no clock."""
