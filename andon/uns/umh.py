"""Names in the United Manufacturing Hub, by its topic convention (UMH Core).

::

    umh.v1.<location path>.<_contract>.[<virtual path>.]<name>

The location path is one or more levels, none of which begins with '_'; the first level that does is
the data contract. Andon's mapping, exact in both directions:

============= ========================================== =======================================
location path enterprise, site, and the asset path       ``acme.north.water.line-1.pump-3``
contract      kept as it is                              ``_historian``
virtual path  what stands before the last '.' of the tag ``motor`` of tag ``motor.temperature``
name          the rest of the tag                        ``temperature``
============= ========================================== =======================================

An asset path's segments may hold '.' and begin with '_' in Andon but not in UMH; those are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from andon.errors import NameRuleError
from andon.uns.names import check_asset, check_tag, check_topic_segment

HISTORIAN = "_historian"
_ROOT = ("umh", "v1")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class UmhTopic:
    """A topic of the United Manufacturing Hub; `str()` builds it.

    Raises:
        NameRuleError: says which segment breaks which rule.
    """

    location: tuple[str, ...]
    contract: str
    name: str
    virtual_path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.location:
            raise NameRuleError(f"no location before data contract {self.contract!r}", segment=self.contract)
        for level in self.location:
            if _check_segment(level, "location level").startswith("_"):
                raise NameRuleError(f"location level {level!r} may not begin with '_'", segment=level)
        if not _check_segment(self.contract, "data contract").startswith("_") or self.contract == "_":
            raise NameRuleError(f"data contract {self.contract!r} must be '_' and a name", segment=self.contract)
        for folder in self.virtual_path:
            _check_segment(folder, "virtual path segment")
        _check_segment(self.name, "name")

    def __str__(self) -> str:
        return ".".join((*_ROOT, *self.location, self.contract, *self.virtual_path, self.name))


@dataclass(frozen=True, slots=True)
class UmhTag:
    """One tag of an asset, as Andon names it, and the contract UMH keeps it under; the inverse of `umh_tag`.

    Raises:
        NameRuleError: says which segment breaks a rule of Andon's or has no counterpart in UMH.
    """

    enterprise: str
    site: str
    asset: str
    tag: str
    contract: str = HISTORIAN

    def __post_init__(self) -> None:
        check_topic_segment(self.enterprise, "enterprise")
        check_topic_segment(self.site, "site")
        check_asset(self.asset)
        if not all(check_tag(self.tag).split(".")):
            raise NameRuleError(
                f"tag {self.tag!r} has a '.' with nothing before or behind it, which UMH does not take",
                segment=self.tag,
            )
        self.topic()

    def topic(self) -> UmhTopic:
        """Return its topic in UMH."""
        *folders, name = self.tag.split(".")
        return UmhTopic(
            location=(self.enterprise, self.site, *self.asset.split("/")),
            contract=self.contract,
            name=name,
            virtual_path=tuple(folders),
        )


def parse_umh(topic: str) -> UmhTopic:
    """Parse a topic of the United Manufacturing Hub, whatever its location levels mean.

    Raises:
        NameRuleError: says which segment breaks which rule.
    """
    segments = topic.split(".")
    if tuple(segments[:2]) != _ROOT:
        wrong = next((segment for segment, wanted in zip(segments, _ROOT, strict=False) if segment != wanted), topic)
        raise NameRuleError(f"UMH topic {topic!r} does not begin with 'umh.v1': {wrong!r}", segment=wrong)
    location = tuple(takewhile(lambda segment: not segment.startswith("_"), segments[2:]))
    rest = segments[2 + len(location) :]
    if len(rest) < 2:
        raise NameRuleError(f"UMH topic {topic!r} needs a data contract ('_...') and a name", segment=topic)
    contract, *folders, name = rest
    return UmhTopic(location, contract, name, tuple(folders))


def umh_tag(topic: UmhTopic) -> UmhTag:
    """Return the tag that *topic* names.

    Raises:
        NameRuleError: its location has no asset, or says which segment has no counterpart in Andon.
    """
    if len(topic.location) < 3:
        location = ".".join(topic.location)
        raise NameRuleError(f"location {location!r} needs enterprise, site and an asset path", segment=location)
    enterprise, site, *asset = topic.location
    return UmhTag(
        enterprise=enterprise,
        site=site,
        asset="/".join(asset),
        tag=".".join((*topic.virtual_path, topic.name)),
        contract=topic.contract,
    )


def _check_segment(segment: str, role: str) -> str:
    if not _SEGMENT.fullmatch(segment):
        raise NameRuleError(
            f"{role} {segment!r} may hold only letters, digits, '_' and '-', at least one ('.' separates UMH's levels)",
            segment=segment,
        )
    return segment
