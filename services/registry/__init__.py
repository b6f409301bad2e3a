"""Signed model bundles in, approved ones out, with an audit log that shows any tampering."""
