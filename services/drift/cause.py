"""Why a machine's data has changed, as far as the data itself can tell. Pure.

A process change has physics behind it, so it shows in several signals; a sensor at fault is alone, and out of step with
the signals that it used to move with. So a sensor is suspected when the others, seen without it, are as they are in
normal operation, and they foretell it well enough for that to mean something (Dunia, Qin, Edgar, McAvoy 1996,
Identification of faulty sensors using principal component analysis, AIChE Journal 42: reconstruction from the others).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from andon.features.feature import Feature
from services.drift.finding import Finding
from services.drift.normal import Floats, Normal, level_columns, spread_columns

Cause = Literal["none", "unknown", "sensor_fault", "new_regime", "process_drift", "model_decay"]
#: How a sensor is at fault, if one is.
Fault = Literal["", "silent", "stuck", "noisy", "off"]

#: Quantile of normal operation up to which signals count as unchanged.
_USUAL = 0.99
#: Share of a signal's variance that the others must explain, for its being out of step with them to mean anything.
_FORETOLD = 0.5
#: A signal rests when its spread within windows is below this share of the smallest that is normal.
_AT_REST = 0.2
#: A signal is restless when its spread is this many standard deviations, of windows, above normal.
_RESTLESS = 3.0
#: Findings that are about the model, not about what it is given.
_OF_MODEL = frozenset({"score", "precision"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why, and which signals show it, the one to look at first in front."""

    cause: Cause
    tags: tuple[str, ...] = ()
    fault: Fault = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the cause is told from.

    Attributes:
        findings: what has changed and is not over.
        features: of the machine's vectors, in their order.
        recent: [features], how far the machine is from normal lately, in standard deviations; NaN where it has no value.
        normal: what is normal; None in a regime never seen.
    """

    findings: tuple[Finding, ...]
    features: tuple[Feature, ...]
    recent: Floats
    normal: Normal | None


def diagnose(scene: Scene) -> Diagnosis:
    """Return why a machine's data has changed; the first that fits of what is below, from sure to vague."""
    if not scene.findings:
        return Diagnosis("none")
    if any(finding.detector == "regime" for finding in scene.findings) or scene.normal is None:
        return Diagnosis("new_regime")
    if silent := _tags(scene, (f for f in scene.findings if f.detector == "missing")):
        return Diagnosis("sensor_fault", silent, "silent")
    if all(finding.subject in _OF_MODEL for finding in scene.findings):
        return Diagnosis("model_decay")
    moved = _moved(scene)
    return _spread_fault(scene, scene.normal, moved) or _level_fault(scene, scene.normal) or _drift(scene, moved)


def _drift(scene: Scene, moved: tuple[str, ...]) -> Diagnosis:
    """Return that the process has drifted if several signals say so; of a single one it may be the sensor as well."""
    several = len(_found_tags(scene)) > 1
    return Diagnosis("process_drift" if several or len(moved) > 1 else "unknown", moved)


def _spread_fault(scene: Scene, normal: Normal, moved: tuple[str, ...]) -> Diagnosis | None:
    """Return the sensor that rests, or is alone restless."""
    columns = spread_columns(scene.features)
    found = _found_tags(scene)
    at_rest = [tag for tag in columns if tag in found and _rests(scene, normal, columns[tag])]
    if at_rest and len(at_rest) < len(columns):
        return Diagnosis("sensor_fault", tuple(at_rest), "stuck")
    restless = [tag for tag, column in columns.items() if scene.recent[column] > _RESTLESS]
    levels = level_columns(scene.features)
    alone = len(restless) == 1 and restless[0] in found
    if alone and not any(_is_moved(scene, levels[tag]) for tag in levels if tag != restless[0]):
        return Diagnosis("sensor_fault", tuple(restless), "noisy")
    return None


def _rests(scene: Scene, normal: Normal, column: int) -> bool:
    value = scene.recent[column] * normal.std[column] + normal.mean[column]
    calmest = normal.mean[column] + normal.std[column] * np.quantile(normal.smooth[:, column], 1 - _USUAL)
    return bool(normal.std[column] > 0 and value < _AT_REST * calmest)


def _level_fault(scene: Scene, normal: Normal) -> Diagnosis | None:
    """Return the one sensor without which all others are as in normal operation, if they foretell it."""
    columns = level_columns(scene.features)
    usable = [tag for tag, column in columns.items() if normal.std[column] > 0 and np.isfinite(scene.recent[column])]
    if len(usable) < 3:
        return None  # of two that disagree nobody knows which is right
    chosen = [columns[tag] for tag in usable]
    covariance = normal.covariance[np.ix_(chosen, chosen)]
    rows, now = np.nan_to_num(normal.smooth[:, chosen]), scene.recent[chosen]
    left = [_excess(np.delete(np.arange(len(chosen)), each), rows, now, covariance) for each in range(len(chosen))]
    suspect = int(np.argmin(left))
    if left[suspect] > 1 or _foretold(suspect, covariance) < _FORETOLD:
        return None
    return Diagnosis("sensor_fault", (usable[suspect],), "off")


def _excess(kept: np.ndarray[tuple[int], np.dtype[np.int64]], rows: Floats, now: Floats, covariance: Floats) -> float:
    """Return the distance of some signals from normal, in units of what normal operation reaches."""
    precision = np.linalg.pinv(covariance[np.ix_(kept, kept)])
    distances = np.einsum("ri,ij,rj->r", rows[:, kept], precision, rows[:, kept])
    own = float(now[kept] @ precision @ now[kept])
    return own / max(float(np.quantile(distances, _USUAL)), 1e-12)


def _foretold(column: int, covariance: Floats) -> float:
    """Return the share of a signal's variance that the others explain (coefficient of determination)."""
    others = np.delete(np.arange(len(covariance)), column)
    shared = covariance[column, others]
    explained = float(shared @ np.linalg.pinv(covariance[np.ix_(others, others)]) @ shared)
    return explained / max(float(covariance[column, column]), 1e-12)


def _moved(scene: Scene) -> tuple[str, ...]:
    """Return the tags that have changed, the most first: those with findings, and those beyond what is usual."""
    columns = level_columns(scene.features)
    beyond = {tag: abs(float(scene.recent[column])) for tag, column in columns.items() if _is_moved(scene, column)}
    found = dict.fromkeys(_found_tags(scene), 0.0)
    ranked = sorted({**found, **beyond}, key=lambda tag: -_strength(scene, tag, beyond.get(tag, 0.0)))
    return tuple(ranked)


def _strength(scene: Scene, tag: str, deviation: float) -> float:
    """Rank what a detector has found before what only looks moved, and then by how far it is."""
    return deviation + (1e3 if tag in _found_tags(scene) else 0.0)


def _is_moved(scene: Scene, column: int) -> bool:
    """Return whether a feature is further from normal than nearly all of the reference."""
    if scene.normal is None or not len(scene.normal.smooth) or np.isnan(scene.recent[column]):
        return False
    usual = np.nanquantile(np.abs(scene.normal.smooth[:, column]), _USUAL) if scene.normal.std[column] > 0 else np.inf
    return bool(abs(scene.recent[column]) > usual)


def _found_tags(scene: Scene) -> tuple[str, ...]:
    return _tags(scene, scene.findings)


def _tags(scene: Scene, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the main tags of the features that findings are about, in their order."""
    by_name = {feature.name: feature.tag for feature in scene.features}
    return tuple(dict.fromkeys(by_name[f.subject] for f in findings if f.subject in by_name))


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the strongest first: by their statistic in thresholds."""
    return sorted(findings, key=lambda each: (-each.statistic / each.threshold if each.threshold else 0.0, each.subject))
