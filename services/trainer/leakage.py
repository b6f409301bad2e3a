"""Features that know the answer: a model that looks at the truth, or ahead, is worthless where neither is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.errors import TrainingError

_LABEL = r"labels?|anomal(y|ies|ous)|outliers?|change_?points?|ground_?truth|rul|remaining_useful_life"
_AHEAD = r"future|next|ahead|lookahead"
_NAMED = {
    "is named like a label": re.compile(rf"(^|_)(is_)?({_LABEL})(_|$)", re.IGNORECASE),
    "is named like a value of later": re.compile(rf"(^|_)({_AHEAD})(_|$)", re.IGNORECASE),
}


def refuse_leakage(tags: Sequence[str]) -> None:
    """Check that no tag that features are made of is a label or looks into the future, going by its name.

    Raises:
        TrainingError: names each such tag and says what to do.
    """
    found = [f"{tag} {why}" for tag in tags for why, pattern in _NAMED.items() if pattern.search(tag)]
    if found:
        raise TrainingError(
            f"features must not know the answer: {'; '.join(found)}. Name labels under `labels` of the mapping and "
            "take the tag out of the class; a tag that is truly measured at its time needs another name"
        )
