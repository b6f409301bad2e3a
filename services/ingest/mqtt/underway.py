"""Messages that a broker sends again although they are under way, because the connection broke before we said so."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import aiomqtt

from andon.mqtt.client import RECEIVE_MAXIMUM, Message, acknowledge

#: Those that the broker may send ahead of their acknowledgement, and as many whose acknowledgement may have been lost.
_MAX_KNOWN = 2 * RECEIVE_MAXIMUM


@dataclass
class _Known:
    """A message that was handed on.

    Attributes:
        digest: of its topic and body.
        client: the connection that it came by at last.
        safe: whether nobody needs it sent again.
    """

    digest: bytes
    client: aiomqtt.Client
    safe: bool = False


class UnderWay:
    """Remembers the newest messages of QoS 1 and 2 by the packet identifiers that the broker gave them.

    What a broker has not seen acknowledged when a connection breaks it sends again by the next one, under the same
    packet identifier and marked as a duplicate (MQTT 5, 3.3.1.1 and 4.4). Read again, it would be measured twice.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def begin(self, client: aiomqtt.Client, message: Message) -> Callable[[], None]:
        """Return what is to be called when the message needs not be sent again: it acknowledges it."""
        if not message.qos:
            return partial(acknowledge, client, message)
        known = _Known(_digest(message), client)
        self._known.pop(message.mid, None)
        self._known[message.mid] = known
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return partial(_settle, known, message)

    def again(self, client: aiomqtt.Client, message: Message) -> bool:
        """Return whether the message was handed on before; if it is safe by now, acknowledge it."""
        known = self._known.get(message.mid) if message.duplicate else None
        if known is None or known.digest != _digest(message):
            return False
        known.client = client
        if known.safe:
            acknowledge(client, message)
        return True


def _settle(known: _Known, message: Message) -> None:
    known.safe = True
    acknowledge(known.client, message)


def _digest(message: Message) -> bytes:
    # No topic holds a NUL (MQTT 5, 1.5.4), so that it ends there.
    return blake2b(message.topic.value.encode() + b"\0" + message.payload, digest_size=16).digest()
