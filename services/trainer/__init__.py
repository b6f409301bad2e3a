"""A normal period in, a model bundle out."""
