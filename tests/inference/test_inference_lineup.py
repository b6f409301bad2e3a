"""Champion, canary and shadows: each window has one verdict that acts, and others that are compared with it."""

from __future__ import annotations

from collections import Counter
from threading import Thread

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import Decision, Inference
from andon.errors import BundleError
from andon.models import Bundle, make_bundle
from andon.serving.lineup import Canary, Lineup
from andon.stream import Result
from andon.stream.stage import LINEAGE_COLUMNS
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.inference.compare import count_verdicts
from services.inference.judge import Judge
from services.inference.processor import InferenceProcessor, judge_of
from services.inference.settings import InferenceSettings, ScoringSettings
from tests.models.sample import PLANT, bundle, normal, trained, vectors

SETTINGS = InferenceSettings(inference=ScoringSettings(threads=1))
PUMPS = ("hall/pump-1", "hall/pump-2")


def with_threshold(threshold: float) -> Bundle:
    facts = trained().facts.model_copy(update={"threshold": threshold})
    return make_bundle(facts, trained().onnx, created=1)


STRICT, BLIND = with_threshold(0.01), with_threshold(1e9)  # calls all windows anomalies, or none


def judge(lineup: Lineup) -> Judge:
    return judge_of(PLANT, "pump", lineup, SETTINGS)


def process(lineup: Lineup, rows: pl.DataFrame) -> Result:
    return InferenceProcessor({"pump": judge(lineup)}).process("pump", rows, now=0)


def events(result: Result) -> list[Inference]:
    lines = (emit.rows.drop(LINEAGE_COLUMNS).write_ndjson().splitlines() for emit in result.emits)
    return [Inference.model_validate_json(line) for each in lines for line in each]


def both_pumps(count: int = 4) -> pl.DataFrame:
    """Return windows of both pumps, in turns."""
    first, second = (vectors(normal(count), asset=asset) for asset in PUMPS)
    return pl.concat([first, second]).sort("time", maintain_order=True).with_columns(offset=pl.int_range(2 * count))


def canary_of_one_pump(model: Bundle) -> Canary:
    """Return a canary that takes one of the two pumps."""
    shares = [share for share in np.linspace(0, 1, 101) if sum(map(Canary(model, share).takes, PUMPS)) == 1]
    return Canary(model, float(shares[0]))


def counted(result: Result, metric: str, label: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for count in count_verdicts("pump", result):
        if count.metric == metric:
            found[count.labels[label]] += count.amount
    return dict(found)


def test_a_shadow_scores_the_same_windows_and_says_that_it_is_one() -> None:
    acting, shadow = process(Lineup(bundle(), shadows=(STRICT,)), both_pumps()).emits
    assert set(acting.rows["role"]) == {"production"}
    assert set(shadow.rows["role"]) == {"shadow"}
    for column in ("asset", "time", "first_offset"):
        assert acting.rows[column].equals(shadow.rows[column])
    assert set(acting.rows["id"]).isdisjoint(shadow.rows["id"])
    assert set(shadow.rows["decision"]) == {"anomaly"}


def test_a_shadow_changes_nothing_of_what_acts() -> None:
    (alone,) = process(Lineup(bundle()), both_pumps()).emits
    acting, *_ = process(Lineup(bundle(), shadows=(STRICT, BLIND)), both_pumps()).emits
    assert acting.rows.equals(alone.rows)


def test_broken_limits_are_told_once_by_what_acts() -> None:
    rows = both_pumps()
    low = rows["features"].struct.unnest().with_columns(flow_min=pl.lit(1.0)).to_struct("features")
    lineup = Lineup(bundle(), shadows=(STRICT,), canary=canary_of_one_pump(BLIND))
    told = Counter(
        (event.role != "shadow", len(event.limit_violations))
        for event in events(process(lineup, rows.with_columns(low)))
    )
    assert told == {(True, 1): 8, (False, 0): 4 + 8}


def test_the_canary_acts_on_its_assets_and_the_production_model_on_all_others() -> None:
    canary = canary_of_one_pump(STRICT)
    (taken,) = filter(canary.takes, PUMPS)
    found = events(process(Lineup(bundle(), canary=canary), both_pumps()))
    roles = Counter((event.asset == taken, event.role, event.model == bundle().ref) for event in found)
    assert roles == {(True, "canary", False): 4, (True, "shadow", True): 4, (False, "production", True): 4}


def test_the_acting_verdicts_of_an_asset_are_in_order() -> None:
    lineup = Lineup(bundle(), shadows=(BLIND,), canary=canary_of_one_pump(STRICT))
    for asset in PUMPS:
        times = [
            event.time
            for event in events(process(lineup, both_pumps()))
            if event.asset == asset and event.role != "shadow"
        ]
        assert times == sorted(set(times))
        assert len(times) == 4


def test_without_a_production_model_a_canary_still_acts_and_limits_watch_the_rest() -> None:
    canary = canary_of_one_pump(STRICT)
    found = events(process(Lineup(None, canary=canary), both_pumps()))
    assert {(canary.takes(event.asset), event.role, event.decision) for event in found} == {
        (True, "canary", Decision.ANOMALY),
        (False, "production", Decision.ABSTAIN),
    }
    assert len(found) == 8
    whole = process(Lineup(None, shadows=(BLIND,), canary=Canary(STRICT, 1.0)), both_pumps())
    assert counted(whole, "andon_inferences_total", "role") == {"canary": 8, "shadow": 8}
    assert counted(whole, "andon_model_comparisons_total", "outcome") == {}


@pytest.mark.parametrize("challenger", [STRICT, BLIND], ids=["strict", "blind"])
def test_only_what_acts_opens_alerts(challenger: Bundle) -> None:
    """Neither what a shadow sees nor what it overlooks makes a difference; what a canary sees does."""
    rows, stage = both_pumps(), alert_stage(PLANT, AlertSettings())

    def alerts(lineup: Lineup) -> int:
        frames = [emit.rows.rename({"last_offset": "offset"}) for emit in process(lineup, rows).emits]
        processor = stage.open({}, 0)
        return sum(len(emit.rows) for frame in frames for emit in processor.process("pump", frame, 0).emits)

    assert alerts(Lineup(bundle(), shadows=(challenger,))) == alerts(Lineup(bundle())) == 0
    assert alerts(Lineup(bundle(), canary=canary_of_one_pump(challenger))) == (challenger is STRICT)


def test_pairs_are_compared_window_by_window() -> None:
    rows = both_pumps().with_columns(good_ratio=pl.when(pl.int_range(8) == 0).then(0.1).otherwise(1.0))
    result = process(Lineup(BLIND, shadows=(bundle(), STRICT)), rows)
    counts = [count for count in count_verdicts("pump", result) if count.metric == "andon_model_comparisons_total"]
    assert {count.labels["champion"] for count in counts} == {BLIND.manifest.version}
    assert {(count.labels["challenger"], count.labels["outcome"]): count.amount for count in counts} == {
        (bundle().manifest.version, "agree"): 7,
        (bundle().manifest.version, "abstained"): 1,
        (STRICT.manifest.version, "challenger_only"): 7,
        (STRICT.manifest.version, "abstained"): 1,
    }


def test_a_canary_is_compared_on_its_own_assets() -> None:
    result = process(Lineup(STRICT, canary=canary_of_one_pump(BLIND)), both_pumps())
    assert counted(result, "andon_model_comparisons_total", "outcome") == {"champion_only": 4}
    assert counted(result, "andon_model_comparisons_total", "champion") == {STRICT.manifest.version: 4}


def test_a_model_has_one_role() -> None:
    with pytest.raises(BundleError, match=r"is in the line-up twice: give it one role"):
        Lineup(bundle(), shadows=(bundle(),))
    with pytest.raises(ValueError, match=r"share is 1.5: must be 0 to 1"):
        Canary(STRICT, 1.5)


paths = st.lists(st.from_regex(r"[a-z]{1,8}(/[a-z0-9-]{1,8}){0,3}", fullmatch=True), max_size=20)
shares = st.floats(0, 1)


@given(paths, shares, shares)
def test_a_larger_share_only_adds_assets(assets: list[str], one: float, other: float) -> None:
    small, large = (Canary(STRICT, share) for share in sorted((one, other)))
    column = pl.Series(assets, dtype=pl.String)
    taken = small.taken(column)
    assert taken.to_list() == [small.takes(asset) for asset in assets]
    assert not (taken & ~large.taken(column)).any()
    assert not Canary(STRICT, 0).taken(column).any()
    assert Canary(STRICT, 1).taken(column).all()


def test_the_share_of_many_assets_is_the_one_asked_for_and_the_same_everywhere() -> None:
    assets = [f"site-{number // 100}/line-{number % 100}/pump" for number in range(10_000)]
    assert abs(sum(map(Canary(STRICT, 0.1).takes, assets)) - 1_000) < 100
    # Another hash would move assets from one model to another at an upgrade.
    percent = [min(share for share in range(101) if Canary(STRICT, share / 100).takes(asset)) for asset in PUMPS]
    assert percent == [21, 30]


def test_models_are_swapped_between_batches_and_never_within_one() -> None:
    judges = [judge(Lineup(bundle())), judge(Lineup(STRICT, shadows=(BLIND,)))]
    processor, rows, mixed = InferenceProcessor({"pump": judges[0]}), both_pumps(), []

    def work() -> None:
        for _ in range(60):
            frames = [
                emit.rows["model"].struct.field("version").unique().to_list()
                for emit in processor.process("pump", rows, 0).emits
            ]
            mixed.append(tuple(version for frame in frames for version in frame))

    worker = Thread(target=work)
    worker.start()
    swaps = 0
    while worker.is_alive():
        processor.swap("pump", judges[(swaps := swaps + 1) % 2])
    worker.join()
    before, after = (bundle().manifest.version,), (STRICT.manifest.version, BLIND.manifest.version)
    assert len(mixed) == 60
    assert set(mixed) == {before, after}
