"""Samples the feature vectors that are sent, and counts those that the offline path does not make of their frames."""
