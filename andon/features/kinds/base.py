"""What all kinds of features have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from andon.features.feature import Feature
from andon.features.samples import WindowSamples
from andon.features.segments import Floats
from andon.uns.names import check_tag

TagName = Annotated[str, AfterValidator(check_tag)]

NUMBERS = frozenset({"number", "integer"})


class Kind(BaseModel):
    """Features of one kind, with its parameters. All of it goes into the definition's hash.

    What a kind computes is a function of one window's samples and of nothing else: not of other windows, of the order
    in which frames came, or of the clock. So online, offline and in a replay it gives the same bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    takes: ClassVar[frozenset[str]] = NUMBERS
    """Kinds of tags that it is computed of."""

    @property
    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """What it makes, in the order of `compute`."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """Tags, and fields of the context with `andon.features.samples.CONTEXT` before their name, that it reads."""

    @abstractmethod
    def compute(self, samples: WindowSamples) -> Floats:
        """Return its features, [features, windows]; what cannot be computed is NaN or infinite."""


class OfTags(Kind):
    """Features of tags."""

    tags: tuple[TagName, ...] = Field(min_length=1)
    """Tags, each of which has these features."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tags."""
        return self.tags
