"""Calibration: a reference period becomes what is normal for each machine, and thresholds that keep a contract."""

from services.drift.calibration.contract import patience
from services.drift.calibration.fit import calibrate
from services.drift.calibration.model import POOL, SCORE, Calibration, Chart, Model, Refusal

__all__ = ["POOL", "SCORE", "Calibration", "Chart", "Model", "Refusal", "calibrate", "patience"]
