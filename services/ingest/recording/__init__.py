"""Recordings: history that is replayed frame by frame."""
