"""Window of samples -> feature vector. Pure; used online by the feature service and offline by the trainer."""

from andon.features.definition import Aggregate, FeatureDefinition

__all__ = ["Aggregate", "FeatureDefinition"]
