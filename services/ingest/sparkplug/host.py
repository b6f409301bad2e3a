"""The host application as a state machine: messages and time go in; readings, refusals and commands come out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import orjson

from andon.contracts import DeadLetterReason
from andon.errors import NameRuleError
from andon.plant import Plant
from andon.uns import SparkplugMessage, SparkplugState, SparkplugTopic, parse_sparkplug
from services.ingest.readings import Refusal, Signals
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.mapping import Mapping
from services.ingest.sparkplug.node import EdgeNode
from services.ingest.sparkplug.outcome import Message, Outcome
from services.ingest.sparkplug.payload import MalformedError, parse
from services.ingest.sparkplug.rebirth import RebirthPacing

#: More edge nodes than any site has; beyond it somebody is inventing names, and memory is to stay bounded.
MAX_NODES = 10_000
_COMMANDS = (SparkplugMessage.NCMD, SparkplugMessage.DCMD)
_parsed = lru_cache(maxsize=MAX_NODES)(parse_sparkplug)


class Host:
    """All edge nodes of one broker, as a host application sees them.

    All times are microseconds UTC. Nothing here waits: whoever owns it calls `tick` when `due` has come.
    """

    def __init__(self, config: SparkplugConfig, plant: Plant, signals: Signals) -> None:
        self._config = config
        self._mapping = Mapping(config, plant, signals)
        self._nodes: dict[tuple[str, str], EdgeNode] = {}
        self._timers: dict[tuple[str, str], int] = {}

    @property
    def born(self) -> int:
        """Number of edge nodes that are alive."""
        return sum(node.born for node in self._nodes.values())

    @property
    def due(self) -> int | None:
        """When `tick` is to be called next; None when nothing is waited for."""
        return min(self._timers.values(), default=None)

    def receive(self, address: str, body: bytes, now: int, *, retained: bool = False) -> Outcome:
        """Take a message that arrived at *now* on the MQTT topic *address*.

        One that the broker had *retained* is of a time that nobody knows: it says nothing about now.
        """
        out = Outcome()
        try:
            topic = _parsed(address)
            if isinstance(topic, SparkplugState):
                own = topic.host == self._config.host_id
                out.state_denied = own and not retained and _is_offline(body)
            elif topic.message not in _COMMANDS:
                if retained:
                    raise MalformedError("retained by the broker, which Sparkplug forbids: it may be of any time")
                self._dispatch(Message(topic, parse(body), body, now), out)
        except (NameRuleError, MalformedError) as error:
            out.refusals.append(Refusal(address, DeadLetterReason.MALFORMED, str(error), body))
        return out

    def tick(self, now: int) -> Outcome:
        """Do what has fallen due at *now*."""
        out = Outcome()
        for key in [key for key, due in self._timers.items() if due <= now]:
            self._nodes[key].tick(now, out)
            self._set_timer(key)
        return out

    def doubt(self, now: int) -> Outcome:
        """Take note that the connection was away until *now*, so that messages may have been missed."""
        out = Outcome()
        for key, node in self._nodes.items():
            node.doubt(now, out)
            self._set_timer(key)
        return out

    def subscriptions(self) -> Iterator[str]:
        """Yield the topic filters of everything that a host listens to."""
        for group in self._config.groups or ("+",):
            for kind in SparkplugMessage:
                if kind not in _COMMANDS:
                    yield f"spBv1.0/{group}/{kind}/" + ("+/+" if kind.of_device else "+")
        yield str(SparkplugState(self._config.host_id))

    def _dispatch(self, message: Message, out: Outcome) -> None:
        key = (message.topic.group, message.topic.node)
        node = self._nodes.get(key) or self._meet(message.topic)
        if node is None:
            out.refuse(message, DeadLetterReason.UNSUPPORTED, f"there are more than {MAX_NODES} edge nodes")
            return
        node.receive(message, out)
        self._set_timer(key)

    def _meet(self, topic: SparkplugTopic) -> EdgeNode | None:
        """Make the state of an edge node that speaks for the first time; None when there are too many."""
        if len(self._nodes) >= MAX_NODES:
            return None
        pacing = RebirthPacing(self._config.rebirth_first, self._config.rebirth_limit)
        node = EdgeNode(topic, self._mapping, pacing, self._config.reorder_timeout)
        self._nodes[topic.group, topic.node] = node
        return node

    def _set_timer(self, key: tuple[str, str]) -> None:
        due = self._nodes[key].due
        if due is None:
            self._timers.pop(key, None)
        else:
            self._timers[key] = due


def _is_offline(body: bytes) -> bool:
    """Return whether a STATE message says that the host is away (Sparkplug 2.2 has plain text instead of JSON)."""
    try:
        state = orjson.loads(body)
    except ValueError:
        return body == b"OFFLINE"
    return isinstance(state, dict) and state.get("online") is False
