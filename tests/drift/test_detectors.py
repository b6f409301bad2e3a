"""What each detector of drift says of changes that are known, and how it keeps what it promises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from river.drift import ADWIN

from services.drift.detectors.adwin import Adwin
from services.drift.detectors.components import Components, principal_directions
from services.drift.detectors.cusum import Cusum, VarianceCusum
from services.drift.detectors.e_detector import EDetector, bernoulli_cumulants, gaussian_cumulants
from services.drift.detectors.ewma import Ewma, VarianceEwma
from services.drift.detectors.grid import Grid, GridDetector, even_grid, quantile_grid
from services.drift.detectors.jensen_shannon import JensenShannon
from services.drift.detectors.kolmogorov_smirnov import KolmogorovSmirnov
from services.drift.detectors.margin import in_margin, margin_detector
from services.drift.detectors.mmd import Mmd, fourier_features
from services.drift.detectors.page_hinkley import PageHinkley
from services.drift.detectors.psi import Psi
from services.drift.detectors.verdicts import verdict_detector
from services.drift.detectors.wasserstein import Wasserstein

Floats = NDArray[np.float64]
TILTS = np.array([0.25, 0.5, 1.0, -0.25, -0.5, -1.0])
SKETCHES: list[Callable[[Grid], GridDetector]] = [
    lambda grid: Psi(grid, half_life=np.inf),
    lambda grid: KolmogorovSmirnov(grid, half_life=np.inf),
    lambda grid: Wasserstein(grid, half_life=np.inf),
    lambda grid: JensenShannon(grid, half_life=np.inf),
]
EVERY_SKETCH = pytest.mark.parametrize("sketch", SKETCHES, ids=["psi", "ks", "wasserstein", "js"])


def _normal(rows: int, streams: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, streams))


def _first_alarms(detector: EDetector, values: Floats, threshold: float) -> Floats:
    """Return the row ``[d]`` at which each stream's statistic first exceeds the threshold; their number if never."""
    found = np.full(values.shape[1], float(len(values)))
    for number, row in enumerate(values):
        detector.update(row[np.newaxis])
        found = np.where((detector.statistic > threshold) & (found == len(values)), number + 1, found)
    return found


def test_cusum_sums_what_is_beyond_the_allowance_and_knows_since_when() -> None:
    detector = Cusum(2, allowance=0.5)
    detector.update(np.array([[0, 0], [0.25, 0], [2, -2], [2, -2], [1, -2]], dtype=np.float64))
    assert detector.statistic.tolist() == [3.5, 4.5]
    assert detector.age.tolist() == [3, 3]


def test_variance_cusum_sees_a_sensor_that_grows_noisy_and_one_that_goes_still() -> None:
    wider, still = VarianceCusum(2), VarianceCusum(2)
    values = _normal(200, 2, 0)
    wider.update(values * [1, 2])
    still.update(values * [1, 0.1])
    assert wider.statistic[1] > 10 * wider.statistic[0]
    assert still.statistic[1] > 10 * still.statistic[0]


def test_ewma_is_in_standard_errors_from_the_first_value_on() -> None:
    detector, spread = Ewma(20_000), VarianceEwma(20_000)
    for rows in np.split(_normal(60, 20_000, 1), (1, 10)):
        detector.update(rows)
        spread.update(rows)
        assert np.sqrt((detector.statistic**2).mean()) == pytest.approx(1, abs=0.02)
        assert np.sqrt((spread.statistic**2).mean()) == pytest.approx(1, abs=0.05)


def test_page_hinkley_needs_no_reference() -> None:
    detector = PageHinkley(2)
    detector.update(_normal(500, 2, 2) + 30)
    before = detector.statistic
    detector.update(_normal(50, 2, 3) + np.array([30, 32]))
    assert detector.statistic[1] > before[1] + 25
    assert detector.statistic[0] < before[0] + 25


def test_adwin_cuts_where_rivers_does() -> None:
    values = np.concatenate([_normal(400, 1, 4), _normal(400, 1, 5) + 3])[:, 0]
    river, ours, cuts = ADWIN(), Adwin(1), 0
    for value in values:
        river.update(value)
        cuts += river.drift_detected
        ours.update(np.array([[value]]))
        assert ours.statistic[0] == cuts
    assert cuts >= 1


def test_alarms_of_the_e_detector_are_as_rare_as_promised_whatever_the_distribution() -> None:
    patience, streams = 200, 400
    random = np.random.default_rng(6)
    normal = random.standard_normal((1_000, streams))
    signs = random.choice([-1.0, 1.0], (1_000, streams))  # sub-Gaussian as well
    for values in (normal, signs):
        alarms = _first_alarms(EDetector(TILTS, gaussian_cumulants(TILTS, streams)), values, np.log1p(patience))
        assert alarms.mean() > patience  # cut off at 1,000 rows, so that the true mean is larger still


def test_the_e_detector_finds_a_shift_soon_and_says_since_when() -> None:
    detector = EDetector(TILTS, gaussian_cumulants(TILTS, 100))
    detector.update(_normal(1_000, 100, 7))
    alarms = _first_alarms(detector, _normal(60, 100, 8) + 1, np.log1p(10_000))
    assert np.median(alarms) < 25
    assert np.median(detector.age) == pytest.approx(60, abs=3)


def test_streams_that_are_not_watched_gather_no_evidence() -> None:
    cumulants = gaussian_cumulants(TILTS, 2)
    cumulants[:, 1] = np.inf
    detector = EDetector(TILTS, cumulants)
    detector.update(np.full((50, 2), 5.0))
    assert detector.statistic[0] > 50
    assert detector.statistic[1] == 0


def test_being_unsure_of_the_reference_makes_the_e_detector_wait() -> None:
    sure = EDetector(TILTS, gaussian_cumulants(TILTS, 100))
    unsure = EDetector(TILTS, gaussian_cumulants(TILTS, 100, uncertainty=0.2))
    values = _normal(3_000, 100, 9) + 0.2  # the reference was off by so much
    alarms = [_first_alarms(detector, values, np.log1p(1_000)).mean() for detector in (sure, unsure)]
    assert alarms[0] < 500
    assert alarms[1] > 1_000


def test_tilts_and_cumulants_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="are wanted"):
        EDetector(TILTS, gaussian_cumulants(TILTS[:2], 3))
    with pytest.raises(ValueError, match="steepest tilt must lie above 0 and below 4, not at 5"):
        EDetector(TILTS * 5, gaussian_cumulants(TILTS, 3))


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: Cusum(1, allowance=0), "allowance"),
        (lambda: VarianceCusum(1, ratio=1), "ratio"),
        (lambda: Ewma(1, weight=1.5), "weight"),
        (lambda: VarianceEwma(1, weight=0), "weight"),
        (lambda: PageHinkley(1, allowance=-1), "allowance"),
        (lambda: Adwin(1, delta=1), "delta"),
        (lambda: Mmd(1, fourier_features(_normal(9, 1, 0)), half_life=0), "half_life"),
        (lambda: Components(1, principal_directions(_normal(9, 1, 0)), half_life=np.nan), "half_life"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(make: Callable[[], object], setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} must lie"):
        make()


def test_verdicts_raise_no_alarm_while_precision_is_kept_and_do_when_it_falls() -> None:
    random = np.random.default_rng(10)
    kept = (random.random((400, 400)) > 0.8).astype(np.float64)
    fallen = (random.random((200, 400)) > 0.4).astype(np.float64)
    alarms = [_first_alarms(verdict_detector(400, 0.8), values, np.log1p(100)) for values in (kept, fallen)]
    assert alarms[0].mean() > 100
    assert np.median(alarms[1]) < 20


@pytest.mark.parametrize("precision", [0.0, 1.0, -1.0, np.nan])
def test_a_precision_that_is_no_share_is_refused(precision: float) -> None:
    with pytest.raises(ValueError, match="precision"):
        verdict_detector(1, precision)


def test_bernoulli_bets_are_fair_at_their_share_and_worse_below() -> None:
    tilts = np.log([2.0, 4.0])
    factors = [np.exp(tilts * value - bernoulli_cumulants(tilts, np.array([0.2]))[:, 0]) for value in (0.0, 1.0)]
    np.testing.assert_allclose(0.8 * factors[0] + 0.2 * factors[1], 1)
    assert (0.9 * factors[0] + 0.1 * factors[1] < 1).all()


def test_scores_that_gather_near_the_threshold_are_evidence_without_any_verdict() -> None:
    random = np.random.default_rng(11)
    usual, gathered = random.exponential(0.3, (1_000, 1)), random.normal(0.9, 0.2, (100, 1))
    detector = margin_detector(in_margin(usual, 1.0).mean(axis=0))
    detector.update(in_margin(usual, 1.0))
    assert detector.statistic[0] < np.log1p(1_000)
    detector.update(in_margin(gathered, 1.0))
    assert detector.statistic[0] > np.log1p(1_000_000)


def test_scores_are_in_the_margin_from_just_below_the_threshold_to_just_above() -> None:
    found = in_margin(np.array([0.0, 1.5, 1.7, 2.0, 2.4, 2.6, np.nan]), 2.0)
    np.testing.assert_array_equal(found, [0, 0, 1, 1, 1, 0, np.nan])
    with pytest.raises(ValueError, match="shares"):
        margin_detector(np.array([0.1, 1.0]))


def test_distances_are_what_their_formulas_say() -> None:
    """Half of the reference below 0; of the recent values a quarter."""
    grid = Grid(edges=np.array([[0.0]]), expected=np.array([[0.5], [0.5]]))
    values = np.array([[-1.0]] * 1_000 + [[1.0]] * 3_000)
    psi, ks, js = Psi(grid, np.inf), KolmogorovSmirnov(grid, np.inf), JensenShannon(grid, np.inf)
    expected: list[tuple[GridDetector, float]] = [(psi, 0.25 * np.log(3)), (ks, 0.25), (js, 0.04879494)]
    for detector, distance in expected:
        detector.update(values)
        assert detector.statistic[0] == pytest.approx(distance, rel=2e-3)


def test_wasserstein_tells_how_far_values_have_moved() -> None:
    reference = _normal(20_000, 1, 12)
    detector = Wasserstein(even_grid(reference, reach=4.0), half_life=np.inf)
    detector.update(_normal(20_000, 1, 13) + 1)
    assert detector.statistic[0] == pytest.approx(1 / 4, rel=0.03)


@EVERY_SKETCH
def test_sketches_of_parts_make_the_sketch_of_the_whole(sketch: Callable[[Grid], GridDetector]) -> None:
    grid = quantile_grid(_normal(1_000, 2, 14))
    parts = np.split(_normal(900, 2, 15), 3)

    def merged(*which: int) -> Floats:
        first, *others = (sketch(grid) for _ in which)
        for detector, part in zip((first, *others), which, strict=True):
            detector.update(parts[part])
        for other in others:
            first.merge(other)
        return first.statistic

    whole = sketch(grid)
    whole.update(np.concatenate(parts))
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        np.testing.assert_allclose(merged(*order), whole.statistic, rtol=1e-12)


@EVERY_SKETCH
def test_distances_care_for_neither_unit_nor_zero(sketch: Callable[[Grid], GridDetector]) -> None:
    grid_of = even_grid if isinstance(sketch(quantile_grid(_normal(100, 1, 0))), Wasserstein) else quantile_grid
    reference, values = _normal(1_000, 1, 16), _normal(300, 1, 17) * 1.5
    in_celsius, in_fahrenheit = sketch(grid_of(reference)), sketch(grid_of(reference * 1.8 + 32))
    in_celsius.update(values)
    in_fahrenheit.update(values * 1.8 + 32)
    np.testing.assert_allclose(in_fahrenheit.statistic, in_celsius.statistic, rtol=1e-6)


@EVERY_SKETCH
@pytest.mark.parametrize("moved", [6.999, 7.001])
def test_a_sensor_at_rest_that_moves_either_way_is_seen(sketch: Callable[[Grid], GridDetector], moved: float) -> None:
    at_rest = np.full((500, 1), 7.0)
    grid_of = even_grid if isinstance(sketch(quantile_grid(at_rest)), Wasserstein) else quantile_grid
    rests, moves = sketch(grid_of(at_rest)), sketch(grid_of(at_rest))
    rests.update(at_rest)
    moves.update(np.full((500, 1), moved))
    assert rests.statistic[0] == pytest.approx(0, abs=1e-9)
    assert moves.statistic[0] > 0.5


def test_sketches_forget() -> None:
    reference = _normal(2_000, 1, 18)
    detector = KolmogorovSmirnov(quantile_grid(reference), half_life=100, least=50)
    detector.update(_normal(500, 1, 19) + 3)
    assert detector.statistic[0] > 0.8
    detector.update(_normal(1_000, 1, 20))
    assert detector.statistic[0] < 0.2


def test_few_values_say_nothing_of_a_distribution() -> None:
    detector = Psi(quantile_grid(_normal(100, 1, 21)), least=100)
    detector.update(_normal(99, 1, 22))
    assert np.isnan(detector.statistic[0])
    detector.update(_normal(20, 1, 23))
    assert np.isfinite(detector.statistic[0])


def test_sketches_that_do_not_belong_together_and_impossible_settings_are_refused() -> None:
    grid, other = quantile_grid(_normal(100, 1, 24)), quantile_grid(_normal(100, 1, 25))
    with pytest.raises(ValueError, match="cannot be merged"):
        Psi(grid).merge(Psi(other))
    with pytest.raises(ValueError, match="longer half_life"):
        Psi(grid, half_life=10, least=100)
    with pytest.raises(ValueError, match=r"streams \[1\] have no value"):
        quantile_grid(np.array([[1.0, np.nan]]))


def _related(rows: int, correlation: float, seed: int) -> Floats:
    """Return vectors ``[rows, 1, 2]`` of two features, each standard normal by itself."""
    mixed = np.linalg.cholesky(np.array([[1, correlation], [correlation, 1]]))
    return (np.random.default_rng(seed).standard_normal((rows, 2)) @ mixed.T)[:, np.newaxis]


def test_joint_detectors_see_a_broken_correlation_that_no_single_feature_shows() -> None:
    reference = _related(5_000, 0.9, 26)[:, 0]
    single = Cusum(2), VarianceCusum(2)
    joint = Components(1, principal_directions(reference)), Mmd(1, fourier_features(reference))
    for detector in joint:
        detector.update(_related(1_000, 0.9, 27))
    before = [float(detector.statistic[0]) for detector in joint]
    broken = _related(1_000, 0.0, 28)
    for detector in joint:
        detector.update(broken)
    for chart in single:
        chart.update(broken[:, 0])
        assert (chart.statistic < 12).all()
    assert [float(detector.statistic[0]) for detector in joint] > [5 * each for each in before]
    assert joint[0].statistic[0] == pytest.approx((10 + 1 / 1.9 - 2 - np.log(10 / 1.9)) / 2, rel=0.4)


def test_a_joint_detector_takes_no_vector_with_a_hole() -> None:
    reference = _related(500, 0.5, 29)[:, 0]
    detector = Components(1, principal_directions(reference), half_life=5)
    detector.update(np.array([[[np.nan, 1e9]]] * 20))
    assert np.isnan(detector.statistic[0])


def test_a_reference_without_anything_to_learn_from_is_refused() -> None:
    for learn in (principal_directions, fourier_features):
        with pytest.raises(ValueError, match="whole vectors"):
            learn(np.full((10, 2), np.nan))
        with pytest.raises(ValueError, match="no feature moves"):
            learn(np.ones((10, 2)))
