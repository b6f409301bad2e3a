"""The models that a service may use: found in a folder or at the registry, verified, tried out, swapped at work."""
