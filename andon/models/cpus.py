"""How many CPUs this process may use.

`os.cpu_count` sees the whole node, also inside a container that is limited to a part of it; a thread
pool sized by it is throttled by the kernel. The limit is read from control groups (cgroup v2: file
``cpu.max``; v1: ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us``) and from the scheduler's affinity mask.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MOUNT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cpu_limit() -> int:
    """Return how many threads can run at once in this process, at least 1."""
    return whole_cpus(cgroup_quota(_MOUNT, _text(_MEMBERSHIP) or ""), _affinity())


def cgroup_quota(mount: Path, membership: str) -> float | None:
    """Return the CPUs that the process's control groups allow, None for no limit.

    Args:
        mount: where the control groups are mounted.
        membership: text of ``/proc/self/cgroup``.
    """
    return min((quota for quota in _quotas(mount, membership) if quota is not None), default=None)


def whole_cpus(quota: float | None, affinity: int) -> int:
    """Return the number of threads for *quota* CPUs (None: no limit) on *affinity* CPUs.

    Rounded down: one thread more than the quota spends part of each period throttled.
    """
    return max(1, affinity if quota is None else min(affinity, int(quota)))


def parse_cpu_max(text: str) -> float | None:
    """Return the CPUs that a cgroup v2 ``cpu.max`` allows, such as ``150000 100000`` (1.5); None for no limit."""
    quota, _, period = text.strip().partition(" ")
    return None if quota == "max" else int(quota) / int(period or 100_000)


def parse_cfs(quota: str, period: str) -> float | None:
    """Return the CPUs that cgroup v1's CFS files allow; None for no limit (quota -1)."""
    return None if int(quota) <= 0 else int(quota) / int(period)


def cgroup_paths(membership: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Return the process's cgroup in the v2 tree and in v1's cpu tree, from the text of ``/proc/self/cgroup``."""
    v2, v1 = PurePosixPath("/"), PurePosixPath("/")
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            v2 = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            v1 = PurePosixPath(path)
    return v2, v1


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # systems without affinity masks: macOS


def _quotas(mount: Path, membership: str) -> Iterator[float | None]:
    """Yield the quota of the process's group and of all groups above it: the smallest one binds."""
    v2, v1 = cgroup_paths(membership)
    for group in (v2, *v2.parents):
        text = _text(mount / str(group).lstrip("/") / "cpu.max")
        yield parse_cpu_max(text) if text else None
    for group in (v1, *v1.parents):
        folder = mount / "cpu" / str(group).lstrip("/")
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        yield parse_cfs(quota, period) if quota and period else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:  # another cgroup version, or none at all
        return None
