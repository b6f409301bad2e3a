"""Which models are loaded, as metrics show it."""

from __future__ import annotations

from andon.clock import SECOND
from andon.models import Bundle
from andon.telemetry import Metrics


def begin(metrics: Metrics, asset_class: str) -> None:
    """Count from 0 on what comes of a class's models: the first increase of a counter is one only then."""
    for name in ("andon_models_swapped_total", "andon_models_refused_total"):
        metrics.count(name, 0, asset_class=asset_class)


def show(metrics: Metrics, asset_class: str, role: str, bundle: Bundle) -> dict[str, str]:
    """Show that *bundle* serves a class in a role; return the labels that say so, for the log."""
    about = _labels(asset_class, role, bundle)
    metrics.set("andon_model_info", 1, **about)
    metrics.set("andon_model_created_seconds", bundle.manifest.created / SECOND, **_without_proof(about))
    return about


def hide(metrics: Metrics, asset_class: str, role: str, bundle: Bundle) -> None:
    """Show no longer that *bundle* serves a class in a role."""
    about = _labels(asset_class, role, bundle)
    metrics.forget("andon_model_info", **about)
    metrics.forget("andon_model_created_seconds", **_without_proof(about))


def _labels(asset_class: str, role: str, bundle: Bundle) -> dict[str, str]:
    ref = bundle.ref
    about = {"model": ref.name, "version": ref.version, "digest": ref.digest, "verified": ref.verified}
    return {"asset_class": asset_class, "role": role, **about}


def _without_proof(about: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if name not in ("digest", "verified")}
