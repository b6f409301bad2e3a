"""Why a machine's data has changed, as far as the data itself can tell. Pure.

A process change has physics behind it, so it shows in several signals; a sensor at fault is alone, and out of step with
the signals that it used to move with. So a sensor is suspected when the others, seen without it, are as they are in
normal operation, and they foretell it well enough for that to mean something (Dunia, Qin, Edgar, McAvoy 1996,
Identification of faulty sensors using principal component analysis, AIChE Journal 42: reconstruction from the others).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from andon.features.feature import Feature
from services.drift.finding import Finding
from services.drift.normal import Floats, Normal, level_columns, spread_columns

Cause = Literal["none", "unknown", "sensor_fault", "new_regime", "process_drift", "model_decay"]
#: How a sensor is at fault, if one is.
Fault = Literal["", "silent", "stuck", "noisy", "off"]

#: Quantile of normal operation beyond which a single signal counts as moved.
_USUAL = 0.99
#: A machine must be so many times as far from normal as normal operation comes in one window of ten, to tell anything.
_CLEAR = 2.0
#: Share of that distance which may be left without a sensor that is to be at fault, ...
_LEFT = 0.1
#: ... and how far that may be, in units of what normal operation hardly reaches (`_USUAL`).
_AS_USUAL = 3.0
#: Share of a signal's variance that the others must explain, for its being out of step with them to mean anything.
_FORETOLD = 0.5
#: A signal rests when its spread within windows is below this share of the smallest that is normal.
_AT_REST = 0.2
#: A signal is restless when its spread is this many standard deviations, of windows, above normal.
_RESTLESS = 3.0
#: Of fewer signals nobody knows which is right when they disagree.
_FEWEST = 3
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
        recent: [features], how far the machine is from normal lately, in standard deviations; NaN without a value.
        normal: what is normal; None in a regime never seen.
        scale: of each stream that is watched, the standard deviation of what the other signals do not foretell of it.
    """

    findings: tuple[Finding, ...]
    features: tuple[Feature, ...]
    recent: Floats
    normal: Normal | None
    scale: Mapping[str, float]


def diagnose(scene: Scene) -> Diagnosis:
    """Return why a machine's data has changed; the first that fits of what is below, from sure to vague."""
    if not scene.findings:
        return Diagnosis("none")
    if any(finding.detector == "regime" for finding in scene.findings) or scene.normal is None:
        return Diagnosis("new_regime")
    if silent := _silent(scene, scene.normal):
        return Diagnosis("sensor_fault", silent, "silent")
    found = _spread_fault(scene, scene.normal) or _level_cause(scene, scene.normal)
    of_model = all(finding.subject in _OF_MODEL for finding in scene.findings)
    return Diagnosis("model_decay") if of_model and found.cause == "unknown" else found


def _silent(scene: Scene, normal: Normal) -> tuple[str, ...]:
    """Return the tags that have no values any more."""
    gone = (
        tag
        for tag, column in level_columns(scene.features).items()
        if np.isnan(scene.recent[column]) and normal.std[column] > 0
    )
    return tuple(dict.fromkeys((*_tags(scene, (f for f in scene.findings if f.detector == "missing")), *gone)))


def _spread_fault(scene: Scene, normal: Normal) -> Diagnosis | None:
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


def _level_cause(scene: Scene, normal: Normal) -> Diagnosis:
    """Return the sensor without which all others are as in normal operation, if they foretell it; else the process.

    A machine that is not yet far from normal tells neither.
    """
    columns = level_columns(scene.features)
    usable = [tag for tag, column in columns.items() if normal.std[column] > 0 and np.isfinite(scene.recent[column])]
    chosen = [columns[tag] for tag in usable]
    everything = _distance(normal, scene.recent, chosen)
    if len(usable) < _FEWEST or everything.now < _CLEAR * everything.often:
        return Diagnosis("unknown", _moved(scene))
    left = [_distance(normal, scene.recent, [c for c in chosen if c != column]) for column in chosen]
    suspect = int(np.argmin([each.now for each in left]))
    rest, tag = left[suspect], usable[suspect]
    alone = rest.now < _LEFT * everything.now and rest.now < _AS_USUAL * rest.seldom
    if alone and _foretold(suspect, normal.correlation[np.ix_(chosen, chosen)]) > _FORETOLD:
        return Diagnosis("sensor_fault", (tag,), "off")
    return Diagnosis("unknown", (tag,)) if alone else Diagnosis("process_drift", _moved(scene))


@dataclass(frozen=True, slots=True)
class _Distance:
    """How far some signals together are from normal (squared Mahalanobis distance of forgetting means).

    Attributes:
        now: of the machine at present.
        often: what normal operation reaches in one window of ten.
        seldom: what it hardly reaches (`_USUAL`).
    """

    now: float
    often: float
    seldom: float


def _distance(normal: Normal, recent: Floats, columns: list[int]) -> _Distance:
    precision = np.linalg.pinv(normal.correlation[np.ix_(columns, columns)])
    rows = np.nan_to_num(normal.smooth[:, columns])
    reached = np.einsum("ri,ij,rj->r", rows, precision, rows, optimize=True)
    if not len(reached):
        return _Distance(0.0, np.inf, np.inf)
    often, seldom = np.quantile(reached, (0.9, _USUAL))
    return _Distance(float(recent[columns] @ precision @ recent[columns]), float(often), float(seldom))


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
    return sorted(
        findings, key=lambda each: (-each.statistic / each.threshold if each.threshold else 0.0, each.subject)
    )
