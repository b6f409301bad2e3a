"""Topics and keys of the unified namespace.

A topic is ``<prefix>.v1.<enterprise>.<site>.<stage>``; a key is the asset's ISA-95 path below the
site, ``area/line/cell/asset``. So a site has one topic a stage however many machines it has, and
all signals of a machine share one partition, in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from andon.errors import NameRuleError

VERSION = "v1"
DEFAULT_PREFIX = "uns"
#: Kafka's own limit on a topic name.
MAX_TOPIC_LENGTH = 249
MAX_KEY_SEGMENTS = 6

_TOPIC_SEGMENT = re.compile(r"[a-z0-9-]+")
_KEY_SEGMENT = re.compile(r"[A-Za-z0-9_.-]+")
#: What `check_asset` takes, as a regular expression of JSON Schema.
ASSET_PATTERN = f"^{_KEY_SEGMENT.pattern}(/{_KEY_SEGMENT.pattern}){{0,{MAX_KEY_SEGMENTS - 1}}}$"


class Stage(StrEnum):
    """A step of the data's way; each is one topic of a site."""

    RAW = "raw"
    BACKFILL = "backfill"
    EVENT = "event"
    CONTEXT = "context"
    FEATURE = "feature"
    INFERENCE = "inference"
    ALERT = "alert"
    FEEDBACK = "feedback"
    DRIFT = "drift"
    KPI = "kpi"
    MODEL = "model"
    DEADLETTER = "deadletter"


@dataclass(frozen=True, slots=True)
class TopicName:
    """A parsed topic name; `str()` builds it back."""

    enterprise: str
    site: str
    stage: Stage
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        for role in ("prefix", "enterprise", "site"):
            check_topic_segment(getattr(self, role), role)
        if len(str(self)) > MAX_TOPIC_LENGTH:
            longest = max((self.prefix, self.enterprise, self.site), key=len)
            raise NameRuleError(
                f"topic {str(self)!r} has {len(str(self))} characters, Kafka allows {MAX_TOPIC_LENGTH}: "
                f"shorten {longest!r}",
                segment=longest,
            )

    def __str__(self) -> str:
        return ".".join((self.prefix, VERSION, self.enterprise, self.site, self.stage))


def parse_topic(name: str) -> TopicName:
    """Parse a topic name.

    Raises:
        NameRuleError: says which segment breaks which rule.
    """
    segments = name.split(".")
    if len(segments) != 5:
        raise NameRuleError(
            f"topic {name!r} has {len(segments)} segments, needs 5: prefix.{VERSION}.enterprise.site.stage",
            segment=name,
        )
    prefix, version, enterprise, site, stage = segments
    if version != VERSION:
        raise NameRuleError(f"topic {name!r}: version {version!r} is not {VERSION!r}", segment=version)
    if stage not in list(Stage):
        known = ", ".join(Stage)
        raise NameRuleError(f"topic {name!r}: stage {stage!r} is none of {known}", segment=stage)
    return TopicName(prefix=prefix, enterprise=enterprise, site=site, stage=Stage(stage))


def check_topic_segment(segment: str, role: str) -> str:
    """Return *segment* if it may stand in a topic name.

    Raises:
        NameRuleError: it holds other characters than ``a-z 0-9 -``, or is empty.
    """
    if not _TOPIC_SEGMENT.fullmatch(segment):
        raise NameRuleError(
            f"{role} {segment!r} may hold only lower-case letters, digits and '-', at least one",
            segment=segment,
        )
    return segment


def check_key_segment(segment: str, role: str) -> str:
    """Return *segment* if it may stand in a key or name a tag.

    Raises:
        NameRuleError: it holds other characters than ``A-Z a-z 0-9 _ . -``, or is empty.
    """
    if not _KEY_SEGMENT.fullmatch(segment):
        raise NameRuleError(
            f"{role} {segment!r} may hold only letters, digits, '_', '.' and '-', at least one",
            segment=segment,
        )
    return segment


def asset_key(*segments: str) -> str:
    """Join ISA-95 path segments below the site into a key.

    Raises:
        NameRuleError: a segment breaks the rule, or there are not 1 to 6 of them.
    """
    return check_asset("/".join(segments))


def check_asset(path: str) -> str:
    """Return *path* if it is a valid asset path (``area/line/cell/asset``, 1 to 6 segments).

    Raises:
        NameRuleError: says which segment is wrong.
    """
    segments = path.split("/")
    if len(segments) > MAX_KEY_SEGMENTS:
        raise NameRuleError(
            f"asset path {path!r} has {len(segments)} segments, at most {MAX_KEY_SEGMENTS} are allowed",
            segment=path,
        )
    for position, segment in enumerate(segments, start=1):
        check_key_segment(segment, f"asset path {path!r}: segment {position}")
    return path


def check_tag(name: str) -> str:
    """Return *name* if it may name a tag.

    Raises:
        NameRuleError: it holds other characters than a key segment may.
    """
    return check_key_segment(name, "tag")
