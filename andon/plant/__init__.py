"""The plant model: ISA-95 tree, asset classes, tags, units, limits, messages, use cases, from plant.yaml."""

from andon.plant.load import load_plant
from andon.plant.model import AssetClass, Consistency, Criteria, Message, Plant, Tag, TagKind, UseCase

__all__ = ["AssetClass", "Consistency", "Criteria", "Message", "Plant", "Tag", "TagKind", "UseCase", "load_plant"]
