"""Detectors of change, one file each; `detector` is their contract, docs/drift-detectors.md says which sees what."""
