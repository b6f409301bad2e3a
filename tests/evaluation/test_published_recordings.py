"""The benches of detection: any folder in SKAB's layout, and the published recordings where they are there."""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.decomposition import PCA

from bench import skab, tep
from bench.common import BenchError
from bench.layouts import NORMAL_ROWS, skab_files, tep_file
from bench.skab_detector import WINDOW, score, trailing
from bench.t2q import fit_t2q
from tests.recordings.recordings import real_data


def run(
    bench: object, *arguments: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, float]:
    """Run a bench and return its last line."""
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    bench.main()  # type: ignore[attr-defined]
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files in SKAB's layout with other tags than it has; the second tag jumps in the event."""
    for number in range(2):
        values = np.random.default_rng(number).normal(size=(800, 3))
        values[600:700, 1] += 6
        columns = {"datetime": [f"2020-01-01 00:{i // 60:02}:{i % 60:02}" for i in range(800)]}
        tags = {f"tag{column}": values[:, column] for column in range(3)} | {"rests": np.full(800, 7.0)}
        truth = np.zeros(800)
        truth[600:700] = 1
        table = pl.DataFrame(columns | tags | {"anomaly": truth, "changepoint": np.zeros(800)})
        table.write_csv(tmp_path / f"{number}.csv", separator=";")
    return tmp_path


def test_any_folder_in_skabs_layout_will_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = run(skab, "--data", folder, monkeypatch=monkeypatch, capsys=capsys)
    assert (last["events_found"], last["events"], last["t2q_events"]) == (2, 2, 2)
    assert last["f1"] > 0.8
    assert last["far"] < 0.1


def test_skab_is_better_than_t2q_on_f1_far_and_mar_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = run(skab, "--data", real_data("skab") / "valve1", monkeypatch=monkeypatch, capsys=capsys)
    assert last["f1"] > last["t2q_f1"]
    assert last["far"] < last["t2q_far"]
    assert last["mar"] < last["t2q_mar"]
    assert (last["events_found"], last["events"]) == (16, 16)


def test_tennessee_eastman_is_better_than_pca_at_one_percent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = run(tep, "--data", real_data("tep"), monkeypatch=monkeypatch, capsys=capsys)
    assert last["detection"] > last["pca_detection"]
    assert last["false_alarms"] <= 0.01


def test_the_detector_does_not_look_ahead(folder: Path) -> None:
    values = skab_files(folder)[0].values
    changed = values.copy()
    changed[650:] = 1e3
    np.testing.assert_allclose(score(values)[: 650 - NORMAL_ROWS], score(changed)[: 650 - NORMAL_ROWS])
    assert trailing(values, WINDOW).shape == (800 - WINDOW + 1, 8)


def test_the_reference_is_pca_with_t2_and_q() -> None:
    normal = np.random.default_rng(1).normal(size=(400, 3)) @ np.random.default_rng(2).normal(size=(3, 8))
    normal += 0.4 * np.random.default_rng(3).normal(size=normal.shape)
    fitted = fit_t2q(normal)
    z = (normal - normal.mean(axis=0)) / normal.std(axis=0)
    pca = PCA(n_components=0.85).fit(z)
    along = pca.transform(z)
    t2, q = fitted.statistics(normal)
    np.testing.assert_allclose(t2, (along**2 / along.var(axis=0, ddof=1)).sum(axis=1))
    np.testing.assert_allclose(q, ((z - pca.inverse_transform(along)) ** 2).sum(axis=1))
    assert (fit_t2q(normal, textbook=True).score(normal) > 1).mean() < 0.01


def test_what_is_not_in_the_layout_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"holds no \*\.csv"):
        skab_files(tmp_path)
    short = "datetime;tag\n" + "2020-01-01 00:00:00;1\n" * NORMAL_ROWS
    (tmp_path / "0.csv").write_text(short)
    with pytest.raises(BenchError, match=r"0\.csv has 400 rows, of which the first 400 are learned from"):
        skab_files(tmp_path)
    (tmp_path / "0.csv").write_text(short.replace(";1", ";") + "2020-01-01 00:00:00;1\n")
    with pytest.raises(BenchError, match=r"0\.csv: tag has no value in its first row"):
        skab_files(tmp_path)
    (tmp_path / "0.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BenchError, match=r"0\.csv is not in SKAB's layout"):
        skab_files(tmp_path)
    with pytest.raises(BenchError, match=r"d01\.dat\.xz cannot be read"):
        tep_file(tmp_path, "d01")
    with lzma.open(tmp_path / "d01.dat.xz", "wt") as file:
        file.write("1 2 3\n4 5 6\n")
    with pytest.raises(BenchError, match="none of both is 52 variables"):
        tep_file(tmp_path, "d01")
