"""Drift: whether a machine's data, or the model's grip on it, has changed since the model learned what is normal."""
