"""The frame that a probe sends: made up, plausible, and marked as what it is."""

from __future__ import annotations

from andon.contracts import Frame, event_id
from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.frames import Value
from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.model import Tag, TagKind
from andon.units import conversion
from andon.uns import Stage

#: Begins the session of every frame that a probe made, which is how it can be told from a machine's.
SESSION = "probe"


def probe_frame(plant: Plant, asset: str, now: int) -> Frame:
    """Return a frame of *asset* with a value in the middle of what each of its tags allows.

    Args:
        plant: the plant model.
        asset: whose frame; path below the site.
        now: event time, microseconds UTC.

    Raises:
        ConfigError: the plant model has no such asset.
    """
    name = plant.class_of(asset)
    if name is None:
        raise ConfigError(f"the plant model has no asset {asset!r}; it has {', '.join(sorted(plant.assets))}")
    return Frame(
        id=event_id(asset, now, Stage.RAW, CONTRACT_VERSION),
        asset=asset,
        time=now,
        ingest_time=now,
        session=f"{SESSION}@{now}",
        sequence=0,
        values={tag: _plausible(spec) for tag, spec in plant.classes[name].tags.items()},
    )


def _plausible(tag: Tag) -> Value:
    if tag.kind is TagKind.BOOLEAN:
        return False
    if tag.kind is TagKind.STATE:
        return tag.states[0] if tag.states else None
    if tag.kind is TagKind.WAVEFORM:
        return None
    middle = _in_source_unit(tag, _middle(tag))
    return round(middle) if tag.kind is TagKind.INTEGER else middle


def _middle(tag: Tag) -> float:
    """Return a value inside the tag's limits, or else its range, in the tag's unit."""
    limits = tag.limits
    lowest, highest = tag.range or (0.0, 0.0)
    if limits:
        lowest = next((bound for bound in (limits.low, limits.low_low) if bound is not None), lowest)
        highest = next((bound for bound in (limits.high, limits.high_high) if bound is not None), highest)
    return (lowest + max(lowest, highest)) / 2


def _in_source_unit(tag: Tag, value: float) -> float:
    if not tag.source_unit or not tag.unit:
        return value
    factor, offset = conversion(tag.unit, tag.source_unit)
    return factor * value + offset
