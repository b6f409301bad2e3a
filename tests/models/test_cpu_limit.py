"""A container's CPU limit, from the files of both versions of control groups."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.models.cpus import cgroup_paths, cgroup_quota, cpu_limit, parse_cfs, parse_cpu_max, whole_cpus


@pytest.mark.parametrize(
    ("text", "cpus"), [("max 100000\n", None), ("max\n", None), ("150000 100000\n", 1.5), ("50000\n", 0.5)]
)
def test_cgroup_v2_states_quota_and_period(text: str, cpus: float | None) -> None:
    assert parse_cpu_max(text) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1\n", None), ("400000\n", 4.0)])
def test_cgroup_v1_states_quota_and_period(quota: str, cpus: float | None) -> None:
    assert parse_cfs(quota, "100000\n") == cpus


def test_the_process_knows_its_groups() -> None:
    v1 = "12:cpuset:/a\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/b\n"
    assert cgroup_paths(v1) == (PurePosixPath("/"), PurePosixPath("/docker/1f"))
    assert cgroup_paths("0::/kubepods/pod1\n") == (PurePosixPath("/kubepods/pod1"), PurePosixPath("/"))
    assert cgroup_paths("") == (PurePosixPath("/"), PurePosixPath("/"))


def test_the_smallest_limit_on_the_way_up_binds(tmp_path: Path) -> None:
    group = tmp_path / "pods" / "one"
    group.mkdir(parents=True)
    (group / "cpu.max").write_text("400000 100000\n")
    (group.parent / "cpu.max").write_text("250000 100000\n")
    assert cgroup_quota(tmp_path, "0::/pods/one\n") == 2.5


def test_cgroup_v1_is_read_too(tmp_path: Path) -> None:
    group = tmp_path / "cpu" / "docker"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text("300000\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path, "4:cpu,cpuacct:/docker\n") == 3


def test_no_control_group_means_no_limit(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path, "0::/\n") is None


@given(quota=st.none() | st.floats(0.01, 1_000), affinity=st.integers(1, 512))
def test_threads_never_exceed_what_is_allowed_but_there_is_always_one(quota: float | None, affinity: int) -> None:
    threads = whole_cpus(quota, affinity)
    assert 1 <= threads <= affinity
    assert threads == 1 or quota is None or threads <= quota


def test_this_process_has_a_limit() -> None:
    assert cpu_limit() >= 1
