"""The tables of the history, from the plant model: values in, values out.

Raw and context data have a table for each asset class, with a column for each tag. What is rarer has a table for each
stage: a few columns worth asking for, and the whole event as a document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from andon.contracts.frames import Context
from andon.database.names import quoted, shortened, tag_column
from andon.errors import ConfigError
from andon.plant import AssetClass, Plant, TagKind
from andon.uns import Stage

SCHEMA = "history"
TIMESTAMP = "timestamp with time zone"
#: PostgreSQL's limit on columns is 1,600, less for wide types; the rest is for those that are no tags.
_MAX_TAGS = 1_500
_TAG_TYPES = {
    TagKind.NUMBER: "double precision",
    TagKind.INTEGER: "double precision",
    TagKind.BOOLEAN: "boolean",
    TagKind.STATE: "text",
    TagKind.WAVEFORM: "jsonb",
}
_COMMON = {"asset_id": "integer", "time": TIMESTAMP, "revision": "integer", "ingest_time": TIMESTAMP, "origin": "text"}
_FRAME = {"session": "text", "sequence": "bigint"}
#: Columns of `Context`; all are texts but for `stale`.
CONTEXT_COLUMNS = tuple(Context.model_fields)
_CLASS = {"class": "text"}
_SCORE = {"score": "double precision", "threshold": "double precision"}
_MODEL = {"model": "text", "model_version": "text"}
_DOCUMENTS: Mapping[Stage, Mapping[str, str]] = {
    Stage.FEATURE: {
        **_CLASS,
        "definition": "text",
        "start": TIMESTAMP,
        "samples": "bigint",
        "expected": "bigint",
        "good_ratio": "double precision",
    },
    Stage.INFERENCE: {
        **_CLASS,
        "definition": "text",
        "start": TIMESTAMP,
        **_MODEL,
        "role": "text",
        "decision": "text",
        "reason": "text",
        **_SCORE,
    },
    Stage.ALERT: {
        **_CLASS,
        "alert": "text",
        "state": "text",
        "severity": "text",
        "opened": TIMESTAMP,
        "since": TIMESTAMP,
        "message": "text",
        "use_case": "text",
        "owner": "text",
        "inference": "text",
        **_SCORE,
        "flapping": "boolean",
        "suppressed_by": "text",
        **_MODEL,
    },
    Stage.DRIFT: {
        **_CLASS,
        "state": "text",
        "reason": "text",
        "cause": "text",
        "since": TIMESTAMP,
        "regime": "text",
        "retrain": "text",
        "message": "text",
        "action": "text",
        **_MODEL,
    },
    Stage.KPI: {
        **_CLASS,
        "shift": "text",
        "product": "text",
        "until": TIMESTAMP,
        "availability": "double precision",
        "effectiveness": "double precision",
        "quality_ratio": "double precision",
        "oee_index": "double precision",
    },
    Stage.FEEDBACK: {
        "alert": "text",
        "action": "text",
        "verdict": "text",
        "until": TIMESTAMP,
        "note": "text",
        "author": "text",
        **_MODEL,
    },
}
#: Stages with a table of documents.
DOCUMENT_STAGES = tuple(_DOCUMENTS)
#: Stages with a table for each asset class; backfill goes to the tables of raw.
FRAME_STAGES = (Stage.RAW, Stage.CONTEXT)
_BUSY = (*FRAME_STAGES, Stage.FEATURE, Stage.INFERENCE)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of schema `history`.

    Attributes:
        name: without its schema.
        stage: whose events it keeps.
        asset_class: whose frames it keeps; None for events of all classes.
        columns: name to type, as PostgreSQL spells it.
        key: columns that tell two events apart.
        tags: tag to column.
        version: column that makes another event of the same revision newer when it differs; None if there is none.
        span: the time that one partition covers.
    """

    name: str
    stage: Stage
    asset_class: str | None
    columns: Mapping[str, str]
    key: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    span: Literal["day", "month"] = "day"

    @property
    def sql_name(self) -> str:
        """The name as it stands in a statement."""
        return f"{SCHEMA}.{quoted(self.name)}"


def tables_of(plant: Plant) -> dict[tuple[Stage, str | None], Table]:
    """Return all tables of a plant by stage and asset class (None for documents).

    Raises:
        ConfigError: a class has more tags than a table may have columns, or takes the name of another table.
    """
    made = [frame_table(stage, name, each) for stage in FRAME_STAGES for name, each in plant.classes.items()]
    made += [document_table(stage) for stage in DOCUMENT_STAGES]
    names = {table.name for table in made}
    for name in plant.classes:
        if shortened(name) in names | {"extent", "alert_labels"}:  # the name of the class's view
            raise ConfigError(f"class {name!r} has the name of a table of schema {SCHEMA}: name the class otherwise")
    return {(table.stage, table.asset_class): table for table in made}


def frame_table(stage: Stage, name: str, asset_class: AssetClass) -> Table:
    """Return the table of a class's raw or context frames.

    Raises:
        ConfigError: the class has more tags than a table may have columns.
    """
    if len(asset_class.tags) > _MAX_TAGS:
        raise ConfigError(f"class {name!r} has {len(asset_class.tags)} tags, a table takes {_MAX_TAGS}: divide it")
    tags = {tag: tag_column(tag) for tag in asset_class.tags}
    about = {"status": "jsonb"} if stage is Stage.RAW else _context_columns()
    values = {tags[tag]: _TAG_TYPES[declared.kind] for tag, declared in asset_class.tags.items()}
    return Table(
        name=shortened(f"{stage}_{name}"),
        stage=stage,
        asset_class=name,
        columns={**_COMMON, **_FRAME, **about, **values},
        key=("asset_id", "time"),
        tags=tags,
        version=None if stage is Stage.RAW else "plant",
    )


def document_table(stage: Stage) -> Table:
    """Return the table of a stage's events."""
    columns = {"id": "text", **_COMMON, "asset": "text", **_DOCUMENTS[stage], "document": "jsonb"}
    return Table(stage.value, stage, None, columns, ("id", "time"), span="day" if stage in _BUSY else "month")


def create_statements(table: Table) -> Iterator[str]:
    """Yield what makes a table, without saying how it is divided by time."""
    columns = ", ".join(f"{quoted(name)} {kind}{_null(table, name)}" for name, kind in table.columns.items())
    key = ", ".join(map(quoted, table.key))
    yield f"CREATE TABLE {table.sql_name} ({columns}, PRIMARY KEY ({key}))"


def index_statements(table: Table) -> Iterator[str]:
    """Yield what makes a table's indexes beside its key."""
    if "asset_id" not in table.key:
        yield f"CREATE INDEX ON {table.sql_name} (asset_id, time)"
    yield f"CREATE INDEX ON {table.sql_name} USING brin (time)"


def alter_statements(table: Table, existing: Mapping[str, str]) -> list[str]:
    """Return what a table lacks. Columns that it has beside are left alone: they hold the history of former tags.

    Args:
        table: as it should be.
        existing: column to type, as the table is.

    Raises:
        ConfigError: a column has another type.
    """
    for name, kind in table.columns.items():
        if existing.get(name, kind) != kind:
            raise ConfigError(
                f"column {quoted(name)} of {table.sql_name} holds {existing[name]}, but the plant model now makes it "
                f"{kind}: give the tag another name, or rename the column to keep what it holds"
            )
    return [
        f"ALTER TABLE {table.sql_name} ADD COLUMN {quoted(name)} {kind}"
        for name, kind in table.columns.items()
        if name not in existing
    ]


def _context_columns() -> dict[str, str]:
    context = {name: "boolean" if name == "stale" else "text" for name in CONTEXT_COLUMNS}
    return {**context, "quality": "jsonb", "quality_score": "double precision", "plant": "text"}


def _null(table: Table, name: str) -> str:
    return " NOT NULL" if name in _COMMON or name in (*table.key, table.version) else ""
