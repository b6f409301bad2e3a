"""What an alert needs is calibrated on: windows that are anomalous without a break. One digit is one window's score."""

from __future__ import annotations

import polars as pl

from services.trainer.threshold import sustained_scores

STEP = 5_000_000


def lowest(scores: str, windows: int, asset: str = "a") -> list[float]:
    rows = pl.DataFrame(
        {"asset": asset, "time": [(i + 1) * STEP for i in range(len(scores))], "score": [float(s) for s in scores]}
    )
    return sustained_scores(rows, open_after=(windows - 1) * STEP, step=STEP)["score"].to_list()


def test_an_alert_that_opens_at_once_needs_single_windows() -> None:
    assert lowest("1925", windows=1) == [1, 9, 2, 5]


def test_a_transient_of_one_window_opens_no_alert_that_needs_two() -> None:
    assert lowest("119111", windows=2) == [1, 1, 1, 1, 1]


def test_what_lasts_long_enough_keeps_its_height() -> None:
    assert lowest("1789111", windows=3) == [1, 7, 1, 1, 1]


def test_stretches_never_join_two_assets() -> None:
    rows = pl.DataFrame({"asset": ["a", "b"], "time": [STEP, STEP], "score": [9.0, 9.0]})
    assert sustained_scores(rows, open_after=STEP, step=STEP).is_empty()
