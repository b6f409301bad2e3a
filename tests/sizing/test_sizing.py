"""Sizing: arithmetic that can be followed by hand, and a page that shows what was measured and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.common import BenchError
from bench.scale_assets import Case, measure_scrape
from bench.scale_page import Measured, page, page_without_figures, read_measured
from bench.scale_storage import Storage
from bench.scale_workers import Sharing, another_gets_some
from bench.sizing import MEASURED, SERVICES, STAGES, Company, Factors, between, size

PAGE = Path(__file__).parent.parent.parent / "docs" / "sizing.md"

#: One microsecond a tag for everybody, one byte a value everywhere, a mebibyte a machine.
ROUND = Factors(
    frames_per_window=5,
    cpu_us={name: [(0.0, 0.0), (10.0, 10.0)] for name in SERVICES},
    memory_bytes={name: [(0.0, 0.0), (10.0, 10.0 * 2**20)] for name in SERVICES},
    kafka_bytes=dict.fromkeys(map(str, STAGES), 1.0),
    database_bytes=dict.fromkeys(map(str, STAGES), 1.0),
    lake_bytes=1.0,
)
COMPANY = Company(plants=10, assets=1_000, tags=100, hz=10.0, window_s=10.0, head_room=2.0)


def test_a_company_is_sized_as_by_hand() -> None:
    found = size(COMPANY, ROUND)
    # 10,000 frames/s of 100 us are one core, 100 windows/s a hundredth of it; twice that with the head-room.
    assert found.cores == pytest.approx(
        {"context": 2.0, "feature": 2.0, "inference": 0.02, "alert": 0.02, "historian": 2.0}
    )
    assert found.workers == {"context": 2, "feature": 2, "inference": 1, "alert": 1, "historian": 2}
    assert found.memory_bytes["context"] == 2 * 1_000 * 2**20
    assert found.partitions == 8
    assert found.values_per_s == 10 * 1_000_000
    # 1 MB/s each of raw and context, 10 kB/s each of the windows, at ten plants.
    assert found.kafka_in_bytes_per_s == pytest.approx(10 * 2_020_000)
    # Read by: raw 2, context 2, feature 3, inference 2, as the catalogue says.
    assert found.kafka_out_bytes_per_s == pytest.approx(10 * (4_000_000 + 50_000))
    day = 86_400
    assert found.kafka_bytes == pytest.approx(10 * 3 * day * (2 * 3 * 1e6 + 2 * 7 * 1e4))
    assert found.database_bytes_a_year == pytest.approx(10 * day * (1e6 * (30 + 365) + 1e4 * (90 + 365)))
    assert found.lake_bytes_a_year == pytest.approx(10 * 365 * day * 1e6)


@pytest.mark.parametrize(
    ("company", "brokers"),
    [
        (replace(COMPANY, plants=1, broker_partitions=10**6), 3),  # three copies need three brokers
        (replace(COMPANY, broker_partitions=10**6, broker_mb_s=10), 13),  # 20.2 MB/s x 3 copies x 2 / 10 MB/s
        (replace(COMPANY, plants=1, broker_partitions=100), 4),  # 15 topics x 8 x 3 copies are 360
    ],
)
def test_brokers_are_bound_by_copies_by_what_they_write_or_by_partitions(company: Company, brokers: int) -> None:
    assert size(company, ROUND).brokers == brokers


def test_what_is_kept_longer_than_a_year_counts_a_year() -> None:
    longer, year = (size(replace(COMPANY, context_days=days), ROUND) for days in (10_000, 365))
    assert longer.database_bytes_a_year == year.database_bytes_a_year


def test_a_line_goes_through_measured_points_and_on_beyond_them() -> None:
    points = [(10.0, 100.0), (20.0, 120.0), (100.0, 200.0)]
    assert [between(points, at) for at in (10, 15, 60, 200)] == [100, 110, 160, 300]
    assert between(points, 0) == 100, "nothing costs less than the least that was measured"
    assert between([(5.0, 7.0)], 1_000) == 7


def measured(*tags: int) -> Measured:
    """Return what a run on ten machines, with so many tags each, could have measured."""
    of_chain = dict.fromkeys(("context", "feature", "inference", "alert"), 10)
    cases = [
        Case(
            assets=10,
            tags=each,
            frames=1_000,
            frames_per_s=500.0,
            cpu_us=of_chain,
            ready_s=of_chain,
            ready_cpu_s=of_chain,
            ready_bytes=of_chain,
            resident_bytes=of_chain,
            recovered_s=7.0,
            plant_bytes=1_000,
        )
        for each in tags
    ]
    a_frame = dict.fromkeys(map(str, STAGES), 80.0)
    storage = Storage(
        tags=8, kafka=a_frame, kafka_gzip=a_frame, database=a_frame, lake=80.0, historian_cpu_us=8.0, historian_bytes=1
    )
    return Measured(
        machine="a machine",
        frames_per_window=5,
        sharing=[Sharing(workers=1, frames_per_s=1.0, cpu_us=1.0, joined_s=4.5, left_s=3.5, killed_s=None)],
        assets=cases[:1],
        tags=cases,
        scrapes=[measure_scrape(10)],
        storage=storage,
    )


def test_factors_are_of_values_and_of_windows() -> None:
    factors = measured(8, 32).factors()
    assert factors.kafka_bytes == {"raw": 10.0, "context": 10.0, "feature": 50.0, "inference": 50.0}
    assert factors.cpu_us["context"] == [(8, 10), (32, 10)]
    assert factors.cpu_us["alert"] == [(8, 50), (32, 50)], "five frames are a window"
    assert between(factors.cpu_us["historian"], 16) == 16


def test_one_number_of_tags_does_not_size_a_company() -> None:
    with pytest.raises(BenchError, match="several numbers of tags"):
        measured(8).factors()


def test_the_page_holds_the_newest_run_and_keeps_the_words_around_it() -> None:
    text, run = PAGE.read_text(), measured(8, 32)
    once = page(text, run)
    assert "| 1 | 1 | 1.0 | 4.5 | 3.5 |  |" in once
    assert once.startswith(text.partition("<!--")[0])
    assert page(once, run) == once
    with pytest.raises(ValueError, match="twice"):
        page("# Sizing\n", measured(8, 32))


def test_the_documentation_shows_what_was_measured_and_nothing_else() -> None:
    text = PAGE.read_text()
    if MEASURED.exists():
        assert page(text, read_measured()) == text, "write it with `python -m bench.scale --write`"
    else:
        assert text == page_without_figures(text), "figures come from docs/sizing.json only"


@pytest.mark.parametrize(("workers", "some"), [(1, True), (2, True), (4, False), (7, True), (8, False)])
def test_one_more_worker_gets_partitions_only_where_somebody_has_more_than_a_share(workers: int, *, some: bool) -> None:
    assert another_gets_some(workers) is some
