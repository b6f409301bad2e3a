"""Benches: what Andon's speed and latency are, measured; see README.md for how, and for the results."""
