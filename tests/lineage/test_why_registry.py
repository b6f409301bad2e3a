"""`andon why` with a registry: who made the model that spoke, who let it act, and what was in force then."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from rich.console import Console

from andon.lineage.governance import ask_registry
from andon.lineage.governance_view import governance_trees
from andon.models import Bundle, load_bundle, make_bundle
from andon.models.manifest import ModelFacts
from andon.plant.load import load_plant
from andon.registry.settings import ModelSettings
from andon.settings import DatabaseSettings, KafkaSettings
from sandbox.registry import RegistrySite
from tests.lineage.pumping import plant_file, run_chain, trained, why
from tests.registry.desk import GO, NAME, model, promote, publish, registry


def judged(bundles: Path) -> Bundle:
    """Return the bundle in a folder with the verdict that lets it act."""
    (found,) = (load_bundle(path) for path in (bundles / NAME).iterdir())
    fields = {name: getattr(found.manifest, name) for name in ModelFacts.model_fields}
    return make_bundle(ModelFacts(**fields | {"verdict": GO}), found.onnx, created=found.manifest.created)


async def test_a_decision_is_walked_back_to_the_people_who_let_its_model_act(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    file = plant_file(tmp_path, site)
    plant = load_plant(file)
    bundle = judged(trained(plant, tmp_path))
    version, digest = bundle.ref.version, bundle.ref.digest
    async with registry(tmp_path, database) as desk:
        await promote(desk, bundle, tmp_path)
        (alert, *_) = await run_chain(kafka, plant, {NAME: replace(bundle, verified="approver")})
        name = orjson.loads(alert.value)["alert"]

        shown = await why(kafka, file, name, "--replay", **desk.client_environment("clara"))
        assert shown.exit_code == 0, shown.output
        for expected in (
            f"by model {NAME} {version} as production, SHA-256 {digest}",
            "the signatures of its author and of an approver were verified before it was loaded",
            "its SHA-256 is the one which anna signed as author",
            f"author's signature, checked here: anna, key {desk.signer('anna').key}",
            f"approver's signature as production, checked here: boris, key {desk.signer('boris').key}",
            "published by anna on",
            "verdict go: every criterion is met",
            "recall 1, at least 0.9: met (ten faults)",
            f"production {version} on all assets since",
            f"anna asked for {NAME} {version} as production on all assets",
            f"boris approved request 1 of anna: {NAME} {version} as production on all assets",
            "agreed",
            "audit log of 3 entries: sound",
            "features agree, and the score",
        ):
            assert expected in shown.output
        assert "missing" not in shown.output

        service = await why(kafka, file, name, **desk.client_environment("inference"))
        assert service.exit_code == 0
        assert "checked here: boris" in service.output
        assert "missing: who asked, approved and rolled back: inference (service) may not Audit" in service.output

        blind = desk.client_environment("clara") | {"ANDON_MODELS__TRUST": str(nobody(desk))}
        unsigned = await why(kafka, file, name, "--replay", **blind)
        assert unsigned.output.count("DOES NOT COUNT") == 2
        assert "which the registry names; no signature counts here" in unsigned.output
        assert "not the score: give its bundle" in unsigned.output
        environment = desk.client_environment("clara")
    away = await why(kafka, file, name, **environment)
    assert away.exit_code == 0
    assert "missing: signatures and approvals: " in away.output
    assert f"by model {NAME} {version}" in away.output
    assert "source session press-7" in away.output


def nobody(desk: RegistrySite) -> Path:
    """Return a trust file that no longer trusts anybody's key."""
    file = desk.folder / "revoked.yaml"
    trust = yaml.safe_load(desk.trust.read_text())
    keys = [desk.signer(name).key for name in ("anna", "boris")]
    trust["revoked"] = [{"key": key, "reason": "stolen", "since": "2026-01-01"} for key in keys]
    file.write_text(yaml.safe_dump(trust))
    return file


async def told(desk: RegistrySite, spoke: Mapping[str, Any], spoken: int) -> str:
    """Return what is told of those who stand behind an inference."""
    settings = ModelSettings(registry=desk.client("clara"), trust=desk.trust)
    governance = await ask_registry(settings, spoke["model"])
    screen = io.StringIO()
    for tree in governance_trees(governance, spoke, spoken):
        Console(width=200, file=screen).print(tree)
    return screen.getvalue()


@pytest.mark.parametrize(
    ("changes", "role", "words"),
    [
        ({}, "production", "by boris, entry 3"),
        ({"digest": "0" * 64}, "production", "its SHA-256 is NOT the one which anna signed as author"),
        ({}, "canary", "spoke as canary and was not"),
        ({"version": "0" * 12}, "production", "missing: the model's version: the registry has no version 000000000000"),
    ],
)
async def test_what_does_not_fit_is_said(
    database: DatabaseSettings, tmp_path: Path, changes: dict[str, str], role: str, words: str
) -> None:
    first, second = model(1), model(2)
    async with registry(tmp_path, database) as desk:
        since = (await promote(desk, first, tmp_path)).assignment.since
        await publish(desk, second, tmp_path)
        spoke = {"model": {**first.ref.model_dump(), **changes}, "role": role}
        assert words in await told(desk, spoke, since + 1_000_000)
        before = await told(desk, spoke, since - 60_000_000)
        assert f"spoke as {role} and was not: inference follows changes a moment later" in before
