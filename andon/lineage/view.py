"""A chain as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from andon.clock import SECOND, isoformat
from andon.lineage.chain import Chain, Link
from andon.lineage.recompute import Agreement

_SHOWN = 3


def chain_tree(chain: Chain) -> Tree:
    """Return the chain, the decision on top, each step below what was made of it."""
    steps = [step for step in (_alert(chain), _inference(chain), _feature(chain), _context(chain), _raw(chain)) if step]
    root = _branch(steps[0])
    at = root
    for step in steps[1:]:
        at = at.add(_branch(step))
    for gap in chain.gaps:
        root.add(f"[yellow]missing:[/] {escape(gap)}")
    return root


def agreement_lines(agreement: Agreement) -> list[str]:
    """Return what a recomputation says, in sentences."""
    if agreement.agrees:
        score = "" if agreement.score is None else f", and the score {agreement.score:.6g}"
        return [f"recomputed from the raw frames: all {agreement.features} features agree{score}"]
    return ["[red]recomputed from the raw frames: it does not agree[/]", *map(escape, agreement.findings)]


def _branch(lines: Sequence[str]) -> Tree:
    made = Tree(lines[0])
    for line in lines[1:]:
        made.add(line)
    return made


def _alert(chain: Chain) -> list[str]:
    if chain.alert is None:
        return []
    event = chain.alert.event
    return [
        f"[bold]alert[/] {escape(event['alert'])}, {event['severity']}, {event['state']} at {isoformat(event['time'])}",
        escape(event["message"]),
        *_where(chain.alert),
    ]


def _inference(chain: Chain) -> list[str]:
    if chain.inference is None:
        return []
    event = chain.inference.event
    head = f"[bold]inference[/] {escape(event['id'])}: {event['decision']}{_score(event)}"
    return [head, *_model(event), *_reasons(event), *_where(chain.inference)]


def _score(event: Mapping[str, Any]) -> str:
    if event.get("score") is None:
        return f" ({escape(event.get('reason') or 'no reason given')})"
    return f", score {event['score']:.4g} against {event['threshold']:.4g}"


def _model(event: Mapping[str, Any]) -> Iterator[str]:
    model = event.get("model")
    if model:
        yield f"by model {escape(model['name'])} {escape(model['version'])}, SHA-256 {escape(model['digest'])}"
    else:
        yield "by no model: limits of the plant model only"


def _reasons(event: Mapping[str, Any]) -> Iterator[str]:
    for each in (event.get("contributions") or ())[:_SHOWN]:
        yield (
            f"{escape(each['feature'])}: {each['value']:.4g}, normally {each['normal']:.4g} "
            f"({each['deviation']:+.1f} standard deviations, {each['share']:.0%} of the score)"
        )
    for each in event.get("limit_violations") or ():
        yield f"{escape(each['tag'])} {each['value']:.4g} beyond {each['bound']} {each['limit']:.4g}"


def _feature(chain: Chain) -> list[str]:
    if chain.feature is None:
        return []
    event = chain.feature.event
    span = f"{isoformat(event['start'])} to {isoformat(event['time'])}"
    head = f"[bold]feature[/] window {span}, {event['samples']} of {event['expected']} frames"
    detail = f"{event['good_ratio']:.0%} of the samples good; definition {escape(event['definition'])}"
    return [head, detail, *_where(chain.feature)]


def _context(chain: Chain) -> list[str]:
    return _frames("context", chain.context, "plant model {plant}", "plant")


def _raw(chain: Chain) -> list[str]:
    return _frames("raw", chain.raw, "source session {session}", "session")


def _frames(stage: str, links: Sequence[Link], about: str, field: str) -> list[str]:
    if not links:
        return []
    first, last = links[0].place, links[-1].place
    names = dict.fromkeys(escape(str(link.event[field])) for link in links)
    lines = [about.format(**{field: name}) for name in names]
    where = f"{first.topic}/{first.partition}@{first.first}-{last.last}"
    return [f"[bold]{stage}[/] {len(links)} frames at {escape(where)}", *lines, *_delay(links)]


def _delay(links: Sequence[Link]) -> Iterator[str]:
    worst = max(link.event["ingest_time"] - link.event["time"] for link in links)
    if 0 <= worst < 60 * SECOND:
        yield f"at most {worst / SECOND:.3f} s from measurement to ingest"


def _where(link: Link) -> Iterator[str]:
    trace = f", trace {link.trace}" if link.trace else ""
    yield f"[dim]at {escape(str(link.place))}{trace}[/]"
