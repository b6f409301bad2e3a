"""The contracts as documents that other systems read: JSON Schemas, an AsyncAPI document, a table of topics.

Everything here is made from the pydantic models and the catalogue; nothing is written by hand twice.
"""

from __future__ import annotations

import json
from typing import Any

from andon.contracts.asyncapi import asyncapi_document
from andon.contracts.catalogue import CATALOGUE
from andon.contracts.overview import overview
from andon.contracts.schemas import event_schema, schema_file


def contract_files() -> dict[str, str]:
    """Return file name to text of everything that is generated from the contracts, the same on every run."""
    events = dict.fromkeys(spec.event for spec in CATALOGUE.values())
    schemas = {schema_file(event): _json(event_schema(event)) for event in events}
    return {"README.md": overview(), "asyncapi.json": _json(asyncapi_document()), **schemas}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
