"""Feature parity as the registry is told of it: what was reported, and that mismatches let nothing through. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from andon.clock import SECOND
from andon.registry.wording import parity_in_words
from services.registry.rules import RefusedError

#: Reports are added up by this, microseconds.
HOUR = 3_600 * SECOND
_DEFINITION = re.compile(r"[0-9a-f]{12}")
_LARGEST_COUNT = 2**53


class ReportError(Exception):
    """A report of parity cannot be right; the message says why."""


@dataclass(frozen=True, slots=True)
class ParityReport:
    """One report.

    Attributes:
        definition: hash of the feature definition.
        reporter: who measured, as the access file names them.
        at: when it came in, microseconds UTC.
        checked: vectors that were computed again.
        mismatches: those of which a value differs.
        largest: largest relative error; infinite where one of two values is missing.
    """

    definition: str
    reporter: str
    at: int
    checked: int
    mismatches: int
    largest: float

    @property
    def hour(self) -> int:
        """Begin of the hour that it is added to, microseconds UTC."""
        return self.at - self.at % HOUR


@dataclass(frozen=True, slots=True)
class Parity:
    """What was reported of one feature definition since a time.

    Attributes:
        definition: hash of the feature definition.
        since: from when on, microseconds UTC.
        checked: vectors; 0 when nobody reported anything.
        mismatches: those that differ.
        largest: largest relative error.
        reporters: who reported, by name.
    """

    definition: str
    since: int
    checked: int = 0
    mismatches: int = 0
    largest: float = 0.0
    reporters: tuple[str, ...] = ()


def check_report(report: ParityReport) -> None:
    """Refuse a report that no measurement can give.

    Raises:
        ReportError: says what is wrong with it.
    """
    if not _DEFINITION.fullmatch(report.definition):
        raise ReportError(f"{report.definition!r} is no hash of a feature definition: 12 hexadecimal digits")
    if not 0 <= report.mismatches <= report.checked <= _LARGEST_COUNT:
        raise ReportError(f"{report.mismatches} of {report.checked} vectors cannot differ")
    if math.isnan(report.largest) or report.largest < 0:
        raise ReportError(f"{report.largest} is no relative error")


def check_parity(parity: Parity) -> None:
    """Refuse to let a model through whose features are not computed in production as they were for training.

    What nobody measured is let through: it is unknown, and said so.

    Raises:
        RefusedError: vectors were reported to differ.
    """
    if parity.mismatches:
        raise RefusedError(
            f"{parity_in_words(parity)} (reported by "
            f"{', '.join(parity.reporters)}): what the model would see is not what it learned from; see `andon parity "
            "check`, mend it, and ask again once no mismatch has been reported for that long"
        )
