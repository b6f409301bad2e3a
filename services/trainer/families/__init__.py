"""Model families, one file each, behind one protocol: `model.Family`."""

from __future__ import annotations

from collections.abc import Mapping

from services.trainer.families.convolution import fit_convolution
from services.trainer.families.dense import fit_dense
from services.trainer.families.forecaster import fit_forecaster
from services.trainer.families.forest import fit_forest
from services.trainer.families.model import DEFAULT_EFFORT, Effort, Family, Model, Period
from services.trainer.families.pca import fit_pca
from services.trainer.families.robust import fit_robust
from services.trainer.families.rolling import fit_rolling

#: Each family by the name that `family` of the plant model gives it.
FAMILIES: Mapping[str, Family] = {
    "pca": fit_pca,
    "rolling": fit_rolling,
    "robust": fit_robust,
    "forest": fit_forest,
    "dense": fit_dense,
    "convolution": fit_convolution,
    "forecaster": fit_forecaster,
}

__all__ = ["DEFAULT_EFFORT", "FAMILIES", "Effort", "Family", "Model", "Period"]
