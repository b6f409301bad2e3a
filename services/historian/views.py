"""Views for people and dashboards: a class's context data under the tags' own names. Values in, values out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from andon.clock import SECOND
from andon.database.names import quoted, shortened
from andon.plant import AssetClass, Plant
from andon.uns import Stage
from services.historian.tables import CONTEXT_COLUMNS, SCHEMA, Table

#: Columns that are no tags, in the view and in what `andon history` gives.
FRAME_COLUMNS = (
    "asset",
    "time",
    *CONTEXT_COLUMNS,
    "quality",
    "quality_score",
    "origin",
    "revision",
    "ingest_time",
    "plant",
)
_VERDICT_COLUMNS = ("score", "decision")


@dataclass(frozen=True, slots=True)
class View:
    """One view of schema `history`, or a materialised one.

    Attributes:
        name: without its schema.
        kind: as CREATE and DROP call it.
        sql: the statement that makes it.
    """

    name: str
    kind: str
    sql: str

    @property
    def sql_name(self) -> str:
        """The name as it stands in a statement."""
        return f"{SCHEMA}.{quoted(self.name)}"

    @property
    def digest(self) -> str:
        """Tells two definitions apart; kept as the view's comment, so that only what has changed is made anew."""
        return f"Andon {hashlib.sha256(self.sql.encode()).hexdigest()[:12]}"


def class_views(plant: Plant, tables: Mapping[tuple[Stage, str | None], Table]) -> list[View]:
    """Return the view of each asset class."""
    return [class_view(name, each, tables[Stage.CONTEXT, name]) for name, each in plant.classes.items()]


def class_view(name: str, asset_class: AssetClass, table: Table) -> View:
    """Return the view of a class: asset, time, tags, context, and the verdict that was known at that time.

    A verdict is looked up only for a query that asks for it.
    """
    shown = SCHEMA + "." + quoted(shortened(name))
    names = plain_names(table.tags, (*FRAME_COLUMNS, *_VERDICT_COLUMNS))
    tags = [f"{quoted(column)} AS {quoted(names[tag])}" for tag, column in table.tags.items()]
    columns = [quoted(column) for column in FRAME_COLUMNS if column != "asset"]
    verdicts = [_verdict(column, _reach(asset_class)) for column in _VERDICT_COLUMNS]
    selected = ",\n    ".join(["path AS asset", *columns, *tags, *verdicts])
    source = f"{table.sql_name} AS frame JOIN andon.asset_path USING (asset_id)"
    return View(shortened(name), "VIEW", f"CREATE VIEW {shown} AS SELECT\n    {selected}\nFROM {source}")


def label_view() -> View:
    """Return the view of labels: each author's newest verdict on each alert, with the window that raised the alert.

    An alert's changes are few and close together, so looking them up by asset is cheap.
    """
    return View("alert_labels", "VIEW", f"CREATE VIEW {SCHEMA}.alert_labels AS{_LABELS}")


_LABELS = f"""
SELECT DISTINCT ON (said.alert, said.author)
    said.alert, said.asset, opening.class, said.verdict, said.author, said.note, said.time AS judged,
    opening.since, opening.opened, closing.time AS resolved, opening.severity, opening.message,
    opening.inference, verdict.start AS window_start, verdict.time AS window_end, verdict.definition,
    verdict.model, verdict.model_version, verdict.score, verdict.threshold
FROM {SCHEMA}.feedback AS said
LEFT JOIN LATERAL (
    SELECT * FROM {SCHEMA}.alert AS change
    WHERE change.asset_id = said.asset_id AND change.alert = said.alert ORDER BY change.time LIMIT 1
) AS opening ON true
LEFT JOIN LATERAL (
    SELECT change.time FROM {SCHEMA}.alert AS change
    WHERE change.asset_id = said.asset_id AND change.alert = said.alert AND change.state = 'resolved' LIMIT 1
) AS closing ON true
LEFT JOIN {SCHEMA}.inference AS verdict ON verdict.id = opening.inference AND verdict.time = opening.time
WHERE said.verdict IS NOT NULL
ORDER BY said.alert, said.author, said.time DESC, said.revision DESC"""


def plain_names(tags: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return tag to column name: its own, or ``tag_...`` where another column has that."""
    return {tag: shortened(f"tag_{tag}" if tag in set(taken) else tag) for tag in tags}


def _reach(asset_class: AssetClass) -> float:
    """Return for how many seconds a verdict stands: until the next should be there."""
    features = asset_class.features
    return (2 * features.window + features.lateness + features.idle) / SECOND


def _verdict(column: str, reach_s: float) -> str:
    return f"""(SELECT verdict.{column} FROM {SCHEMA}.inference AS verdict
        WHERE verdict.asset_id = frame.asset_id AND verdict.role IS DISTINCT FROM 'shadow'
        AND verdict.time <= frame.time AND verdict.time > frame.time - interval '{reach_s:g} seconds'
        ORDER BY verdict.time DESC LIMIT 1) AS {column}"""
