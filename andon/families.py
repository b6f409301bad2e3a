"""Model families by name: the plant model asks for one, the trainer fits it, the bundle says which it is."""

from __future__ import annotations

from typing import Literal

#: pca: T2 and Q of principal components. rolling: distance in units of how far normal drifts. robust: distance from the
#: most concentrated part of normal. forest: isolation forest. dense: auto-encoder. convolution and forecaster: sequence
#: models, which need `lagged_means` among the features.
FamilyName = Literal["pca", "rolling", "robust", "forest", "dense", "convolution", "forecaster"]
