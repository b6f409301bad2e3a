"""The table of topics, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from andon.contracts.catalogue import CATALOGUE, TopicSpec
from andon.contracts.headers import Headers
from andon.contracts.schemas import schema_file

_DAY = 86_400

_INTRODUCTION = """\
# Contracts

What Andon puts on a site's Kafka topics, and what it reads from them. Made from the code by `andon contracts export`;
do not edit.

A topic is named `<prefix>.v1.<enterprise>.<site>.<stage>`, with prefix `uns` unless the plant model says otherwise.
Values are JSON objects. Any other system of the plant may read any topic.
"""

_RULES = """\
## Rules for readers

- Delivery is at least once. Ids are deterministic, so key on `id` and keep the highest `revision`: each event then
  counts once, however often it was sent.
- Records of one asset share a partition and keep their order.
- Times are integer microseconds since 1970-01-01 UTC. Order by `time`, when it was so on the floor.
- Numbers are finite; a value that is missing is `null`.
- Fields may be added within a version: ignore those you do not know.

[`asyncapi.json`](asyncapi.json) says all of this for machines (AsyncAPI 3.0), with an example of each event.
"""


def overview() -> str:
    """Return the page that lists topics and headers."""
    return "\n".join((_INTRODUCTION, _topics(), _headers(), _RULES))


def _topics() -> str:
    head = ("Stage", "Event", "Key", "Producers", "Consumers", "Retention", "Largest record", "Carries")
    return "## Topics\n\n" + _table(head, (_row(spec) for spec in CATALOGUE.values()))


def _row(spec: TopicSpec) -> tuple[str, ...]:
    return (
        f"`{spec.stage}`",
        f"[{spec.event.__name__}]({schema_file(spec.event)})",
        spec.key,
        ", ".join(spec.producers),
        ", ".join(spec.consumers) or "people",
        "for ever" if spec.retention_s is None else f"{spec.retention_s / _DAY:g} d",
        f"{spec.max_message_bytes / 2**20:.0f} MiB",
        spec.description,
    )


def _headers() -> str:
    rows = (
        (f"`{field.alias or name}`", "yes" if field.is_required() else "no", field.description or "")
        for name, field in Headers.model_fields.items()
    )
    return "## Headers\n\n" + _table(("Name", "Always", "Meaning"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
