"""Model bundles: what a trained model is on disk, how it is checked, run and explained; for training and serving."""

from andon.models.bundle import Bundle, load_bundle, make_bundle, save_bundle
from andon.models.cpus import cpu_limit
from andon.models.explain import Explainer
from andon.models.manifest import (
    Criterion,
    FeatureProfile,
    Manifest,
    ModelCard,
    ModelFacts,
    ReferenceProfile,
    TrainingFacts,
    Verdict,
)
from andon.models.reference import Reference
from andon.models.scorer import Scorer, Scores

__all__ = [
    "Bundle",
    "Criterion",
    "Explainer",
    "FeatureProfile",
    "Manifest",
    "ModelCard",
    "ModelFacts",
    "Reference",
    "ReferenceProfile",
    "Scorer",
    "Scores",
    "TrainingFacts",
    "Verdict",
    "cpu_limit",
    "load_bundle",
    "make_bundle",
    "save_bundle",
]
