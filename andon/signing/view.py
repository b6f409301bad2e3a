"""Bundles and their signatures as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat
from andon.models import Manifest, ModelCard, Verdict
from andon.signing.claim import canonical
from andon.signing.trust import Signature

Facts = Sequence[tuple[str, str]]
"""What is known: names and texts."""


def signatures_table(signatures: Iterable[Signature]) -> Table:
    """Return one row for each signature that counts."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("role", "signer", "key", "statement"):
        table.add_column(name, overflow="fold")
    for each in signatures:
        statement = canonical(dict(each.statement)) if each.statement else ""
        table.add_row(*map(Text, (each.role, each.signer, each.key, statement)))
    return table


def bundle_facts(manifest: Manifest) -> dict[str, Facts]:
    """Return by heading what is known of a model: what it is, its card, its figures, its verdict and its digests."""
    own = (
        ("model", f"{manifest.name} {manifest.version}"),
        ("class", manifest.asset_class),
        ("family", manifest.family),
        ("created", isoformat(manifest.created)),
        ("features", f"{len(manifest.features)}, definition {manifest.feature_hash}"),
        ("threshold", f"{manifest.threshold:g}"),
        *(
            (f"threshold of {regime or 'regime unknown'}", f"{at:g}")
            for regime, at in manifest.regime_thresholds.items()
        ),
    )
    return {
        "": own,
        "card": tuple(card_facts(manifest.card)),
        "metrics": [(name, f"{value:g}") for name, value in sorted(manifest.metrics.items())],
        "verdict": tuple(verdict_facts(manifest.verdict)),
        "digests": tuple(manifest.digests.items()),
    }


def card_facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Yield the headings of a model card with what it says below them."""
    for name, text in card.model_dump().items():
        yield name.replace("_", " "), text or "not stated"


def verdict_facts(verdict: Verdict | None) -> Iterator[tuple[str, str]]:
    """Yield whether a model may act, then each criterion: what was measured, what was asked for, and on what."""
    if verdict is None:
        yield "none", "nobody judged the model, so it never acts"
        return
    yield ("go", "every criterion is met") if verdict.go else ("no go", "not every criterion is met")
    for each in verdict.criteria:
        met = "met" if each.met else "NOT met"
        yield each.name, f"{each.value:g}, {each.bound}: {met} ({each.evidence})"


def facts_view(parts: Mapping[str, Facts]) -> Group:
    """Return headings with their facts below, long texts folded beside their names."""
    shown: list[RenderableType] = []
    for heading, facts in parts.items():
        grid = Table.grid(padding=(0, 2))
        for _ in range(2):
            grid.add_column(overflow="fold")
        for name, text in facts:
            grid.add_row(Text(name), Text(text))
        shown += [Text(f"\n{heading}", style="bold"), Padding(grid, (0, 0, 0, 2), expand=False)] if heading else [grid]
    return Group(*shown)
