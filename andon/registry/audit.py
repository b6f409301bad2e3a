"""The audit log as pure data: entries, each of which holds the hash of the one before it, and what breaks the chain.

A chain of hashes alone (Haber and Stornetta 1991, How to time-stamp a digital document) shows what was edited, removed
or reordered before its end. That the end itself was cut off shows in two ways: other tables still name the entries that
told of them, and callers hold receipts (number and hash) of what they did.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ConfigDict, with_config

#: What the first entry has before it.
GENESIS = "0" * 64
_RECEIPT = re.compile(r"(?P<number>[1-9][0-9]{0,18}):(?P<hash>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done.

    Attributes:
        at: when, microseconds UTC.
        actor: who did it.
        action: what, such as `published` or `approved`.
        name: the model.
        version: its version.
        details: anything else that an auditor asks for.
    """

    at: int
    actor: str
    action: str
    name: str
    version: str
    details: Mapping[str, str | int | bool] = field(default_factory=dict)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, as it is stored; `details` is canonical JSON."""

    number: int
    at: int
    actor: str
    action: str
    name: str
    version: str
    details: str
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """Return the hash that the entry's content has: SHA-256 over a JSON array of all fields before it."""
        content = [self.number, self.at, self.actor, self.action, self.name, self.version, self.details, self.previous]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an entry was in the log: written ``NUMBER:HASH``."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read what `str` wrote.

        Raises:
            ValueError: it is no receipt.
        """
        found = _RECEIPT.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is no receipt: it must be NUMBER:HASH, as every change prints it")
        return cls(int(found["number"]), found["hash"])


def chained(act: Act, last: Entry | None) -> Entry:
    """Return *act* as the entry behind *last* (None: as the first)."""
    details = json.dumps(dict(act.details), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    number, previous = (last.number + 1, last.hash) if last else (1, GENESIS)
    unsealed = Entry(number, act.at, act.actor, act.action, act.name, act.version, details, previous, hash="")
    return replace(unsealed, hash=unsealed.computed_hash())


def findings(entries: Iterable[Entry], receipts: Iterable[Receipt] = ()) -> Iterator[str]:
    """Yield in plain words whatever is wrong with the whole log; nothing when it is sound.

    Args:
        entries: all of them, in the order of their numbers.
        receipts: proofs of entries that must be there.
    """
    wanted: dict[int, set[str]] = {}
    for receipt in receipts:
        wanted.setdefault(receipt.number, set()).add(receipt.hash)
    number, previous = 0, GENESIS
    for entry in entries:
        number += 1
        if entry.number != number:
            yield f"entry {number} is missing: {entry.number} follows {number - 1}"
            number = entry.number
        elif entry.previous != previous:
            yield f"entry {number} does not follow the one before it: that was replaced, or they were reordered"
        if entry.computed_hash() != entry.hash:
            yield f"entry {number} ({entry.action} by {entry.actor}) was edited: its hash is not that of its content"
        if wanted.pop(number, {entry.hash}) != {entry.hash}:
            yield f"entry {number} is not the one that its receipt proves: the log was rewritten"
        previous = entry.hash
    yield from (f"entry {missing} is missing: its receipt proves that it was there" for missing in sorted(wanted))
