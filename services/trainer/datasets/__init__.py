"""Datasets: feature vectors of a class, divided by time, with a card that says what they are."""
