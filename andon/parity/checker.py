"""Records of the feature and context topics in, parity by feature definition out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from andon.contracts import ContextFrame, FeatureVector
from andon.contracts.headers import LINEAGE_HEADER
from andon.lineage import Place, parse_lineage
from andon.parity.compare import Parity, compare
from andon.parity.recompute import recompute
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream.codec import Decoder, Record
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET

_USED = ("id", "asset", "time", "start", "revision", "definition", "samples", "expected", "good_ratio", "features")
_FRAME = ("asset", "time", "origin", "values", "quality", "context")


class Subject(NamedTuple):
    """What parity is told of."""

    asset_class: str
    definition: str


class Checker:
    """Checks vectors of the feature definitions of a plant model; those of others are passed over.

    Args:
        plant: the plant model.
        tolerance: largest relative error of a value that is no mismatch; 0 wants the same bits.

    Attributes:
        subjects: what can be checked.
    """

    def __init__(self, plant: Plant, tolerance: float = 0.0) -> None:
        self._tolerance = tolerance
        self._classes = {name: each for name, each in plant.classes.items() if each.feature_definition.tags}
        self.subjects = [Subject(name, each.feature_definition.hash) for name, each in self._classes.items()]
        self._vectors = Decoder(plant, FeatureVector, without=_others(FeatureVector, _USED))
        self._frames = Decoder(plant, ContextFrame, without=_others(ContextFrame, _FRAME))

    def check(self, vectors: Sequence[Record], frames: Sequence[Record], oldest: int) -> Mapping[Subject, Parity]:
        """Compare vectors of one partition with what its frames make.

        Args:
            vectors: records of the feature topic.
            frames: records of the same partition of the context topic, in order: all of the vectors' assets that
                their lineages name and that are left.
            oldest: offset of the first record that the context topic still has.
        """
        places = {record.offset: place for record in vectors if (place := lineage(record))}
        by_class = self._frames.decode(frames).rows
        found = {}
        for name, rows in self._vectors.decode(vectors).rows.items():
            if name in self._classes:
                subject = next(each for each in self.subjects if each.asset_class == name)
                own = rows.filter(definition=subject.definition)
                found[subject] = self._compare(name, _placed(own, places), by_class.get(name), oldest)
        return found

    def _compare(self, name: str, sent: pl.DataFrame, frames: pl.DataFrame | None, oldest: int) -> Parity:
        left = sent.filter(pl.col(FIRST_OFFSET) >= oldest)
        gone = Parity(gone=sent.height - left.height)
        if left.is_empty():
            return gone
        if frames is None:
            frames = pl.DataFrame(schema={**event_schema(ContextFrame, self._classes[name]), OFFSET: pl.Int64()})
        return gone + compare(left, recompute(left, frames, self._classes[name]), self._tolerance)


def lineage(record: Record) -> Place | None:
    """Return the input that a record's header names; None without one."""
    headers = dict(record.headers)
    return parse_lineage((headers.get(LINEAGE_HEADER) or b"").decode(errors="replace"))


def _others(event: type[ContextFrame] | type[FeatureVector], used: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in event.model_fields if name not in used)


def _placed(rows: pl.DataFrame, places: Mapping[int, Place]) -> pl.DataFrame:
    """Return vectors with the offsets of their frames; one whose header names none has none."""
    offsets: list[int] = rows[OFFSET].to_list()
    found = [places.get(offset) for offset in offsets]
    return rows.with_columns(
        pl.Series(FIRST_OFFSET, [place.first if place else -1 for place in found], pl.Int64),
        pl.Series(LAST_OFFSET, [place.last if place else -1 for place in found], pl.Int64),
        pl.col("revision").fill_null(0),
    )
