"""Each class's newest sound bundle is served; a bad one stops no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from andon.errors import ConfigError
from andon.models import make_bundle, save_bundle
from andon.serving.loading import load_bundles
from tests.models.sample import bundle, trained


def test_the_newest_bundle_of_a_class_is_served(tmp_path: Path) -> None:
    older = save_bundle(bundle(), tmp_path)
    changed = trained().facts.model_copy(update={"threshold": 3.0})
    newer = make_bundle(changed, trained().onnx, created=bundle().manifest.created + 1)
    path = save_bundle(newer, tmp_path)
    assert older != path
    assert load_bundles(tmp_path, ["pump", "fan"], None).bundles == {"pump": newer}
    shutil.rmtree(path)  # the way back
    assert load_bundles(tmp_path, ["pump", "fan"], None).bundles == {"pump": bundle()}


def test_a_bad_bundle_is_refused_with_its_reason_and_a_sound_one_serves(tmp_path: Path) -> None:
    save_bundle(bundle(), tmp_path)
    bad = tmp_path / "pump" / "zz-newest"
    bad.mkdir()
    loaded = load_bundles(tmp_path, ["pump"], None)
    assert loaded.bundles == {"pump": bundle()}
    (refused,) = loaded.refused
    assert (refused.path, refused.asset_class) == (bad, "pump")
    assert "manifest.json: cannot be read" in refused.reason


def test_a_bundle_in_another_classs_folder_is_refused(tmp_path: Path) -> None:
    path = save_bundle(bundle(), tmp_path)
    path.parent.rename(tmp_path / "fan")
    loaded = load_bundles(tmp_path, ["pump", "fan"], None)
    assert loaded.bundles == {}
    assert "is a model for class 'pump', but lies in the folder of 'fan'" in loaded.refused[0].reason


def test_a_bundle_that_is_still_being_written_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "pump" / ".pump-0123456789ab.42").mkdir(parents=True)
    loaded = load_bundles(tmp_path, ["pump"], None)
    assert (loaded.bundles, loaded.refused) == ({}, ())


def test_a_missing_folder_is_a_mistake_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folder of bundles .* is not there"):
        load_bundles(tmp_path / "bundels", ["pump"], None)
