"""What the service hands to the process that trains, and what comes back: JSON files in the request's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

#: Files in a request's folder.
ORDER, RESULT, EVENTS, LABELS = "order.json", "result.json", "events.jsonl", "labels.csv"
#: Folder in it for the model.
BUNDLES = "bundles"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class JobOrder(_Document):
    """`order.json`."""

    plant: Path
    """The plant model."""
    lake: Path
    asset_class: str
    assets: tuple[str, ...]
    """Machines to learn from."""
    since: int
    """Event time from which on data is taken, microseconds UTC."""
    until: int
    """Event time that data must have reached, microseconds UTC."""
    labelled: bool
    """Whether there are intervals of abnormal operation."""
    champion: Path | None
    """Bundle of the model to beat."""
    windows: int
    """Windows of normal operation that there must be."""


class JobResult(_Document):
    """`result.json`."""

    kind: Literal["trained", "no_go", "too_little_data", "not_trainable"]
    text: str
    """The same in words."""
    windows: int = 0
    """Windows of normal operation that there were."""
    bundle: Path | None = None
    """The model, if it may be published."""
