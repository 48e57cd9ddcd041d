"""Limits of control groups are found in both versions, at whatever height of the tree they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional

import pytest

from hotpath import cgroup

V1_MOUNT = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
V2_MOUNT = "30 23 0:26 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = V1_MOUNT.format(top="/") + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
UNIT = "/system.slice/hotpath.service"


def machine(root: Path, mounts: str, group: str, files: Dict[str, str], version: int = 2) -> Path:
    """A root with these limits; the process is in `group`."""
    lines = f"0::{group}\n" if version == 2 else f"5:cpuset:/else\n2:cpu,cpuacct:{group}\n0::/\n"
    written = {"proc/self/mountinfo": mounts, "proc/self/cgroup": lines}
    written.update({f"sys/fs/cgroup/{name}": text for name, text in files.items()})
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({f"{UNIT[1:]}/cpu.max": "max 100000\n"}, None),
        ({f"{UNIT[1:]}/cpu.max": "50000 100000\n"}, 0.5),
        ({f"{UNIT[1:]}/cpu.max": "800000 100000\n", "system.slice/cpu.max": "150000 50000\n"}, 3.0),
        ({f"{UNIT[1:]}/cpu.max": "max 100000\n", "cpu.max": "200000 100000\n"}, 2.0),
        ({"user.slice/cpu.max": "50000 100000\n"}, None),
        ({f"{UNIT[1:]}/cpu.max": "nonsense\n"}, None),
    ],
    ids=["none", "unlimited", "the unit's", "its slice's", "the machine's", "somebody else's", "unreadable"],
)
def test_a_quota_of_the_unified_tree(tmp_path: Path, files: Dict[str, str], quota: Optional[float]) -> None:
    assert cgroup.cpu_quota(machine(tmp_path, V2_MOUNT.format(top="/"), UNIT, files)) == quota


@pytest.mark.parametrize(
    ("quotas", "quota"),
    [
        ({"": "-1"}, None),
        ({UNIT: "50000"}, 0.5),
        ({UNIT: "-1", "/system.slice": "1600000"}, 16.0),
        ({UNIT: "400000", "/system.slice": "-1", "": "300000"}, 3.0),
    ],
    ids=["unlimited", "the unit's", "its slice's", "the machine's"],
)
def test_a_quota_of_a_tree_of_version_1(
    tmp_path: Path, quotas: Dict[str, str], quota: Optional[float]
) -> None:
    files = {f"cpu,cpuacct{group}/cpu.cfs_quota_us": text for group, text in quotas.items()}
    files.update({f"cpu,cpuacct{group}/cpu.cfs_period_us": "100000" for group in quotas})
    assert cgroup.cpu_quota(machine(tmp_path, HYBRID, UNIT, files, version=1)) == quota


@pytest.mark.parametrize(
    ("mounts", "group", "version"),
    [
        (V2_MOUNT.format(top="/"), "/", 2),
        (V2_MOUNT.format(top="/pods/one"), "/pods/one", 2),
        (V2_MOUNT.format(top="/pods/one"), "/pods/another", 2),
        (V2_MOUNT.format(top="/.."), "/../../elsewhere", 2),
        (V1_MOUNT.format(top="/docker/1"), "/docker/1", 1),
        ("", "/", 1),
    ],
    ids=["own namespace", "own mount", "beside the mount", "outside", "version 1", "no table of mounts"],
)
def test_a_containers_own_limit_is_found(tmp_path: Path, mounts: str, group: str, version: int) -> None:
    place = "cpu,cpuacct/" if "cpuacct" in mounts else "" if mounts else "cpu/"
    files = {
        f"{place}cpu.max": "250000 100000",
        f"{place}cpu.cfs_quota_us": "250000",
        f"{place}cpu.cfs_period_us": "100000",
    }
    assert cgroup.cpu_quota(machine(tmp_path, mounts, group, files, version)) == 2.5


@pytest.mark.parametrize(
    ("cpus", "quota", "whole"),
    [(64, None, 64), (64, 0.5, 1), (64, 1.9, 1), (64, 2.0, 2), (4, 16.0, 4), (1, 0.01, 1)],
)
def test_a_quota_keeps_so_many_cpus_busy(cpus: int, quota: Optional[float], whole: int) -> None:
    assert cgroup.whole_cpus(cpus, quota) == whole


def test_the_tightest_limit_of_memory_counts_without_what_files_cache(tmp_path: Path) -> None:
    files = {
        f"{UNIT[1:]}/memory.max": "3000\n",
        f"{UNIT[1:]}/memory.current": "1000\n",
        f"{UNIT[1:]}/memory.stat": "anon 100\ninactive_file 400\n",
        "system.slice/memory.max": "2000\n",
        "system.slice/memory.current": "1500\n",
        "memory.max": "max\n",
        "memory.current": "9000\n",
    }
    assert cgroup.memory_left(machine(tmp_path, V2_MOUNT.format(top="/"), UNIT, files)) == 500
    (tmp_path / "sys/fs/cgroup/system.slice/memory.max").write_text("max\n")
    assert cgroup.memory_left(tmp_path) == 2400
