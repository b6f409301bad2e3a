"""Context frames in, feature vectors out: hopping event-time windows per asset."""
