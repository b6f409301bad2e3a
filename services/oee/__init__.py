"""History in, key performance indicators of ISO 22400 out."""
