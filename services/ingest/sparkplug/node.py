"""One edge node as a state machine: born or not, in order or not, and what its messages then mean.

::

               NBIRTH             a message is missing, or of another turn
    unborn ──────────────► in order ───────────────────────────────────────► out of order
       ▲                    │    ▲                                              │    │
       ├────── NDEATH ──────┘    └──────────────────── NBIRTH ──────────────────┘    │
       └────────────────────────────────── NDEATH ───────────────────────────────────┘

In order, each message carries the sequence number after the one before (0 to 255, then 0). One that comes too early is
held until those before it are there. If they do not come in time, a birth may have been among them: then aliases
could mean other metrics now, so they are forgotten. Metrics that come with their names are still taken; the rest
is refused until the births that were asked for have come.
"""

from __future__ import annotations

from collections.abc import Callable

from andon.contracts import DeadLetterReason
from andon.uns import SparkplugMessage, SparkplugTopic
from services.ingest.readings import BAD_NO_COMMUNICATION, Readings
from services.ingest.sparkplug.births import Births, Findings
from services.ingest.sparkplug.mapping import Mapping, Place
from services.ingest.sparkplug.outcome import Message, Outcome
from services.ingest.sparkplug.payload import bdseq, micros
from services.ingest.sparkplug.reader import read_metrics
from services.ingest.sparkplug.rebirth import RebirthPacing

_TURN = 256
#: A number this far ahead is rather one from before: of a repeated message, or of an edge node that began anew.
_AHEAD = _TURN // 2
#: How many names a dead letter's detail lists.
_LISTED = 10


class EdgeNode:
    """One edge node with its devices.

    Args:
        topic: any of its topics.
        mapping: the rules of the source.
        pacing: when to ask it for its births.
        reorder_timeout: how long to wait for a message that others overtook, microseconds.
    """

    def __init__(self, topic: SparkplugTopic, mapping: Mapping, pacing: RebirthPacing, reorder_timeout: int) -> None:
        self._command = str(SparkplugTopic(topic.group, SparkplugMessage.NCMD, topic.node))
        self._mapping = mapping
        self._pacing = pacing
        self._reorder_timeout = reorder_timeout
        self._births = Births(mapping)
        self._session: int | None = None
        self._next: int | None = None
        self._last: Message | None = None
        self._held: dict[int, Message] = {}
        self._reason = "not heard of before"

    @property
    def born(self) -> bool:
        """Whether it has been born and has not died since."""
        return None in self._births

    @property
    def due(self) -> int | None:
        """When `tick` is to be called next, microseconds UTC; None when nothing is waited for."""
        deadlines = [self._pacing.due, self._deadline()]
        return min((each for each in deadlines if each is not None), default=None)

    def receive(self, message: Message, out: Outcome) -> None:
        """Take a message of the edge node or one of its devices; what follows is added to *out*."""
        match message.topic.message:
            case SparkplugMessage.NBIRTH:
                self._be_born(message, out)
            case SparkplugMessage.NDEATH:
                self._die(message, out)
            case _ if self._next is None:
                self._apply(message, out)
            case _:
                self._in_order(message, self._next, out)
        self._ask_if_due(message.received, out)

    def tick(self, now: int, out: Outcome) -> None:
        """Do what has fallen due at *now*."""
        deadline = self._deadline()
        if deadline is not None and deadline <= now:
            self._lose_order(f"message {self._next} has not come", now, out)
        self._ask_if_due(now, out)

    def doubt(self, now: int, out: Outcome) -> None:
        """Take note that messages may have been missed: the connection was away.

        An edge node that lost its own connection comes back with its births; it is only asked if it has not by then.
        """
        if self.born:
            self._give_up(self._take_held(), "the connection to the broker was interrupted", out)
            self._pacing.ask(now + self._reorder_timeout)

    # Births and deaths.

    def _be_born(self, message: Message, out: Outcome) -> None:
        seq = message.payload.seq
        if seq >= _TURN:
            out.refuse(message, DeadLetterReason.MALFORMED, f"sequence number {seq} is above 255")
            return
        self._give_up(self._overtaken_by(message), "messages before its new birth are missing", out)
        self._births.drop_all()
        self._session = bdseq(message.payload)
        self._pacing.satisfy()
        self._next, self._last = (seq + 1) % _TURN, None
        self._declare(message, out)
        self._release(out)

    def _overtaken_by(self, birth: Message) -> list[Message]:
        """Take out and return the held messages that were sent before *birth*; the others belong behind it."""
        return self._take_held(lambda held: held.payload.timestamp <= birth.payload.timestamp)

    def _die(self, message: Message, out: Outcome) -> None:
        session = bdseq(message.payload)
        if not self.born or (None not in (session, self._session) and session != self._session):
            return  # the death of a session that a newer birth has replaced
        self._give_up(self._take_held(), "messages before its death are missing", out)
        self._void(self._births.drop_all(), message, out)
        self._reason = "it has died and has not been born again"
        self._pacing.satisfy()

    def _void(self, signals: list[int], message: Message, out: Outcome) -> None:
        """Say of *signals* that nobody knows their values any more.

        An edge node's death was written when it connected, so its time says nothing; a device's was written now.
        """
        device_death = message.topic.device is not None and message.payload.HasField("timestamp")
        sent = micros(message.payload.timestamp) if device_death else None
        batch = Readings(message.received)
        for signal in signals:
            batch.add(signal, None, None, sent, BAD_NO_COMMUNICATION)
        if batch.signals:
            out.readings.append(batch)

    def _declare(self, message: Message, out: Outcome) -> None:
        places = self._mapping.places(message.topic)
        findings = self._births.declare(message.topic.device, places, message.payload.metrics)
        if self._next is None:
            self._births.forget_aliases()  # nobody would notice when the next birth was missed
        _report(message, places, findings, out)
        out.expected += self._births.signals(message.topic.device)
        self._read(message, out)

    # Order.

    def _in_order(self, message: Message, expected: int, out: Outcome) -> None:
        seq = message.payload.seq
        if seq >= _TURN:
            out.refuse(message, DeadLetterReason.MALFORMED, f"sequence number {seq} is above 255")
        elif seq == expected:
            self._advance(message, out)
            self._release(out)
        elif self._turns_away(seq) < _AHEAD and seq not in self._held:
            self._held[seq] = message
        elif not self._is_repeated(message):
            self._lose_order(f"message {seq} came where {expected} was due", message.received, out)
            self._apply(message, out)

    def _is_repeated(self, message: Message) -> bool:
        """Return whether the message is the same again, as brokers may deliver it; that has no effect."""
        same = self._held.get(message.payload.seq, self._last)
        return same is not None and (same.topic, same.body) == (message.topic, message.body)

    def _advance(self, message: Message, out: Outcome) -> None:
        self._next, self._last = (message.payload.seq + 1) % _TURN, message
        self._apply(message, out)

    def _release(self, out: Outcome) -> None:
        """Apply held messages as far as none is missing."""
        while self._next is not None and (message := self._held.pop(self._next, None)) is not None:
            self._advance(message, out)

    def _deadline(self) -> int | None:
        oldest = min((held.received for held in self._held.values()), default=None)
        return None if oldest is None else oldest + self._reorder_timeout

    def _lose_order(self, reason: str, now: int, out: Outcome) -> None:
        out.gaps += 1
        self._give_up(self._take_held(), reason, out)
        self._pacing.ask(now)

    def _take_held(self, which: Callable[[Message], bool] = lambda _: True) -> list[Message]:
        """Take out and return held messages, in the order of their sequence numbers."""
        taken = [seq for seq, message in self._held.items() if which(message)]
        return [self._held.pop(seq) for seq in sorted(taken, key=self._turns_away)]

    def _turns_away(self, seq: int) -> int:
        return (seq - (self._next or 0)) % _TURN

    def _give_up(self, messages: list[Message], reason: str, out: Outcome) -> None:
        """Apply *messages*, whose turn will not come."""
        self._doubt(reason)
        for message in messages:
            self._apply(message, out)

    def _doubt(self, reason: str) -> None:
        self._next, self._last, self._reason = None, None, reason
        self._births.forget_aliases()

    # Data.

    def _apply(self, message: Message, out: Outcome) -> None:
        kind, device = message.topic.message, message.topic.device
        if kind is SparkplugMessage.DBIRTH and self.born:
            self._declare(message, out)
        elif device not in self._births:
            self._refuse_unborn(message, f"device {device} is not born" if self.born else "edge node is not born", out)
        elif kind is SparkplugMessage.DDEATH:
            self._void(self._births.drop(device), message, out)
        else:
            self._read(message, out)

    def _read(self, message: Message, out: Outcome) -> None:
        taken = read_metrics(self._births, message.topic.device, message.payload, message.received)
        out.readings += [batch for batch in (taken.live, taken.history) if batch.signals]
        out.unmapped += taken.unmapped
        if taken.wrong:
            detail = f"value does not fit the declared type: {_listed(taken.wrong)}"
            out.refuse(message, DeadLetterReason.MALFORMED, detail)
        if taken.strangers:
            self._refuse_unborn(message, f"no birth declares {_listed(taken.strangers)}", out)

    def _refuse_unborn(self, message: Message, detail: str, out: Outcome) -> None:
        why = f" ({self._reason})" if self._next is None else ""
        out.refuse(message, DeadLetterReason.NO_BIRTH, f"{detail}{why}; a rebirth was asked for")
        self._pacing.ask(message.received)

    def _ask_if_due(self, now: int, out: Outcome) -> None:
        if self._pacing.due is not None and self._pacing.due <= now:
            out.rebirths.append(self._command)
            self._pacing.sent(now)


def _report(message: Message, places: tuple[Place, ...], findings: Findings, out: Outcome) -> None:
    """Refuse what of a birth cannot be used: once for each reason."""
    asset = places[0].asset if places else None
    if findings.unmapped:
        missing = "no such tags in the plant model" if places else "no rule leads to an asset of the plant model"
        out.refuse(message, DeadLetterReason.UNMAPPED, f"{missing}: {_listed(findings.unmapped)}", asset)
    if findings.unsupported:
        detail = f"types that cannot be a tag's value: {_listed(findings.unsupported)}"
        out.refuse(message, DeadLetterReason.UNSUPPORTED, detail, asset)
    if findings.ambiguous:
        detail = f"aliases that are given twice, so that nobody has them: {_listed(findings.ambiguous)}"
        out.refuse(message, DeadLetterReason.MALFORMED, detail, asset)


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + rest
