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
_VERIFIED = {
    "none": "no signature was checked before it was loaded (for development only)",
    "author": "its author's signature was verified before it was loaded",
    "approver": "the signatures of its author and of an approver were verified before it was loaded",
}
Lines = Sequence[str | Tree]


def chain_tree(chain: Chain, behind: Sequence[Tree] = ()) -> Tree:
    """Return the chain, the decision on top, each step below what was made of it.

    Args:
        chain: what was found on the bus.
        behind: what is known of those who stand behind the model.
    """
    found = (_alert(chain), _inference(chain, behind), _feature(chain), _context(chain), _raw(chain))
    steps = [step for step in found if step]
    root = _branch(steps[0])
    at = root
    for step in steps[1:]:
        at = at.add(_branch(step))
    for gap in chain.gaps:
        root.add(f"[yellow]missing:[/] {escape(gap)}")
    return root


def agreement_lines(agreement: Agreement, score: float | None) -> list[str]:
    """Return what a recomputation says, in sentences.

    Args:
        agreement: what came out.
        score: the score then; None when there was none.
    """
    if agreement.agrees:
        again = "" if agreement.score is None else f", and the score {agreement.score:.6g}"
        lines = [f"recomputed from the raw frames: all {agreement.features} features agree{again}"]
        if score is not None and agreement.score is None:
            lines.append("[yellow]not the score: give its bundle, or name its registry and ANDON_MODELS__TRUST[/]")
        return lines
    return ["[red]recomputed from the raw frames: it does not agree[/]", *map(escape, agreement.findings)]


def _branch(lines: Lines) -> Tree:
    head, *rest = (line if isinstance(line, Tree) else Tree(line) for line in lines)
    head.children.extend(rest)
    return head


def _alert(chain: Chain) -> Lines:
    if chain.alert is None:
        return []
    event = chain.alert.event
    return [
        f"[bold]alert[/] {escape(event['alert'])}, {event['severity']}, {event['state']} at {isoformat(event['time'])}",
        escape(event["message"]),
        *_where(chain.alert),
    ]


def _inference(chain: Chain, behind: Sequence[Tree]) -> Lines:
    if chain.inference is None:
        return []
    event = chain.inference.event
    head = f"[bold]inference[/] {escape(event['id'])}: {event['decision']}{_score(event)}"
    return [head, _model(event, behind), *_reasons(event), *_where(chain.inference)]


def _score(event: Mapping[str, Any]) -> str:
    if event.get("score") is None:
        return f" ({escape(event.get('reason') or 'no reason given')})"
    return f", score {event['score']:.4g} against {event['threshold']:.4g}"


def _model(event: Mapping[str, Any], behind: Sequence[Tree]) -> Tree:
    model = event.get("model")
    if not model:
        return Tree("by no model: limits of the plant model only")
    name = f"{escape(model['name'])} {escape(model['version'])}"
    by = Tree(f"by model {name} as {event.get('role', 'production')}, SHA-256 {escape(model['digest'])}")
    by.add(_VERIFIED[model.get("verified", "none")])
    by.children.extend(behind)
    return by


def _reasons(event: Mapping[str, Any]) -> Iterator[str]:
    for each in (event.get("contributions") or ())[:_SHOWN]:
        yield (
            f"{escape(each['feature'])}: {each['value']:.4g}, normally {each['normal']:.4g} "
            f"({each['deviation']:+.1f} standard deviations, {each['share']:.0%} of the score)"
        )
    for each in event.get("limit_violations") or ():
        yield f"{escape(each['tag'])} {each['value']:.4g} beyond {each['bound']} {each['limit']:.4g}"


def _feature(chain: Chain) -> Lines:
    if chain.feature is None:
        return []
    event = chain.feature.event
    span = f"{isoformat(event['start'])} to {isoformat(event['time'])}"
    head = f"[bold]feature[/] window {span}, {event['samples']} of {event['expected']} frames"
    detail = f"{event['good_ratio']:.0%} of the samples good; definition {escape(event['definition'])}"
    return [head, detail, *_where(chain.feature)]


def _context(chain: Chain) -> Lines:
    return _frames("context", chain.context, "plant model {plant}", "plant")


def _raw(chain: Chain) -> Lines:
    return _frames("raw", chain.raw, "source session {session}", "session")


def _frames(stage: str, links: Sequence[Link], about: str, field: str) -> Lines:
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
