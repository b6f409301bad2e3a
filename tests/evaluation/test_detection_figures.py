"""Figures of detectors, checked by hand and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.evaluation import Record, confusion, event_figures, figures, intervals, range_f1, vus_pr
from andon.evaluation.volume import faded


def record(truth: str, alarm: str, score: list[float] | None = None) -> Record:
    """Return a record drawn as text: ``#`` is abnormal, or an alarm."""
    marks = [np.array([mark == "#" for mark in text]) for text in (truth, alarm)]
    return Record(marks[0], np.array(score) if score else marks[1].astype(float), marks[1])


TRUTH = "..####....####.."
ALARM = ".#.##.#.....##.."
MASKS = st.lists(st.booleans(), min_size=1, max_size=30)


def test_rows_are_counted_without_point_adjustment() -> None:
    counts = confusion([record(TRUTH, ALARM)])
    assert (counts.tp, counts.fp, counts.tn, counts.fn) == (4, 2, 6, 4)
    assert counts.f1 == pytest.approx(4 / 7)
    assert (counts.far, counts.mar) == (2 / 8, 4 / 8)


def test_records_are_pooled_before_figures_are_computed() -> None:
    counts = confusion([record("##", "##"), record("....", "#...")])
    assert counts.f1 == pytest.approx(0.8)
    assert counts.far == 0.25


def test_events_delays_and_false_alarms() -> None:
    found = event_figures([record(TRUTH, ALARM)])
    assert (found.events, found.found, found.delays) == (2, 2, (1, 2))
    assert found.false_alarms == 2
    assert found.false_alarms_per_hour(step=450) == 2  # eight normal rows are an hour


def test_an_alarm_that_lasts_into_an_event_finds_it_and_is_false_nevertheless() -> None:
    found = event_figures([record("..##..", ".##...")])
    assert (found.found, found.delays, found.false_alarms) == (1, (0,), 1)


def test_nothing_to_judge_is_no_number() -> None:
    quiet = [record("....", "....")]
    assert math.isnan(confusion(quiet).mar)
    assert math.isnan(event_figures(quiet).recall)
    assert math.isnan(range_f1(quiet))
    assert math.isnan(vus_pr(quiet, 4))


def test_range_f1_divides_by_pieces() -> None:
    # recall: event 1 half covered in one piece, event 2 covered wholly but in two pieces of 3/4 together
    judged = record("..####....####..", "..##......#.##..")
    recall = (2 / 4 + (3 / 4) / 2) / 2
    assert range_f1([judged]) == pytest.approx(2 * recall / (recall + 1))  # every alarm lies in an event


@given(MASKS, st.data())
def test_intervals_are_the_runs(mask: list[bool], data: st.DataObject) -> None:
    rebuilt = np.zeros(len(mask), np.bool_)
    for first, end in intervals(np.array(mask)):
        assert not rebuilt[max(first - 1, 0) : end].any()  # runs do not touch
        rebuilt[first:end] = True
    assert rebuilt.tolist() == mask


def test_labels_fade_on_both_sides() -> None:
    labels = faded(np.array([mark == "#" for mark in "....##...."]), 4)
    np.testing.assert_allclose(labels, [0, 0, 0.5**0.5, 0.75**0.5, 1, 1, 0.75**0.5, 0.5**0.5, 0, 0])


def brute_area(truth: np.ndarray, score: np.ndarray, buffer: int) -> float:
    """Return the area under precision over recall, threshold by threshold as the paper defines it."""
    label = faded(truth, buffer)
    area = reached = 0.0
    for threshold in sorted(set(score), reverse=True):
        alarm = score >= threshold
        hits = (label * alarm).sum()
        touched = np.mean([alarm[first:end].any() for first, end in intervals(label > 0)])
        recall = min(1, hits / ((truth.sum() + label.sum()) / 2)) * touched
        area += (recall - reached) * hits / alarm.sum()
        reached = recall
    return area


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=25), st.sampled_from([0, 1, 4]))
def test_volume_agrees_with_brute_force(rows: list[tuple[bool, int]], longest: int) -> None:
    truth, score = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    if truth.any():
        lengths = sorted({round(longest * i / 8) for i in range(9)})
        expected = np.mean([brute_area(truth, score, length) for length in lengths])
        assert vus_pr([Record(truth, score, score > 2)], longest) == pytest.approx(expected)


def test_perfect_scores_fill_the_volume_without_a_buffer() -> None:
    assert vus_pr([record(TRUTH, TRUTH)], 0) == pytest.approx(1)


def test_a_row_of_figures() -> None:
    row = figures("mine", [record(TRUTH, ALARM)], step=450, buffer=4)
    assert (row.found, row.events, row.delay, row.false_alarms_per_hour) == (2, 2, 1.5, 2)


def test_records_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2, 2 and 1 rows"):
        Record(np.zeros(2, np.bool_), np.zeros(2), np.zeros(1, np.bool_))
    with pytest.raises(ValueError, match="score is NaN"):
        Record(np.zeros(1, np.bool_), np.array([np.nan]), np.zeros(1, np.bool_))
