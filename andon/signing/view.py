"""Bundles and their signatures as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat
from andon.models import Manifest
from andon.signing.claim import canonical
from andon.signing.trust import Signature


def signatures_table(signatures: Iterable[Signature]) -> Table:
    """Return one row for each signature that counts."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("role", "signer", "key", "statement"):
        table.add_column(name, overflow="fold")
    for each in signatures:
        statement = canonical(dict(each.statement)) if each.statement else ""
        table.add_row(*map(Text, (each.role, each.signer, each.key, statement)))
    return table


def bundle_text(manifest: Manifest) -> str:
    """Return what is known of a model: what it is, its card, its figures and its digests."""
    parts = {
        "": {
            "model": f"{manifest.name} {manifest.version}",
            "class": manifest.asset_class,
            "family": manifest.family,
            "created": isoformat(manifest.created),
            "features": f"{len(manifest.features)}, definition {manifest.feature_hash}",
            "threshold": f"{manifest.threshold:g}",
        },
        "card": manifest.card.model_dump(),
        "metrics": {name: f"{value:g}" for name, value in sorted(manifest.metrics.items())},
        "digests": manifest.digests,
    }
    return "\n\n".join(_part(heading, lines) for heading, lines in parts.items())


def _part(heading: str, lines: Mapping[str, str]) -> str:
    width = max(map(len, lines), default=0)
    shown = [f"{name:<{width}}  {text}" for name, text in lines.items()]
    return "\n".join([heading, *(f"  {line}" for line in shown)] if heading else shown)
