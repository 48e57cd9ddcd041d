"""What control groups leave a process of the machine: processor time and memory, of both versions of them.

A limit of any group above holds as well, so the whole chain is looked at, as far as it can be seen from here.
"""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath
from typing import Iterator, List, Optional, Tuple

_ROOT = Path("/")


def cpu_quota(root: Path = _ROOT) -> Optional[float]:
    """CPUs of time in each second, such as 0.5; None where there is no limit.

    cpu.max of version 2, cpu.cfs_quota_us and cpu.cfs_period_us of version 1: systemd's CPUQuota=, and the
    option --cpus of containers. `root` is where /proc and /sys are.
    """
    quotas = []
    for group in groups("cpu", root):
        together = _words(group / "cpu.max")
        apart = _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        for words in (together, apart):
            if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
                quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def usable_cpus(root: Path = _ROOT) -> int:
    """How many CPUs this process may keep busy: those it may run on, or fewer by its quota; at least 1."""
    return whole_cpus(len(os.sched_getaffinity(0)), cpu_quota(root))


def whole_cpus(cpus: int, quota: Optional[float]) -> int:
    """Of so many CPUs those that a quota can keep busy.

    Rounded down: where one process too many runs, all of them stand still for the rest of a period.
    """
    return max(1, cpus if quota is None else min(cpus, math.floor(quota)))


def memory_left(root: Path = _ROOT) -> Optional[int]:
    """Bytes until the tightest limit; None where there is none. What is cached of files can be given up."""
    left = []
    for group in groups("memory", root):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _words(group / limit), _words(group / used)
            if most and taken and most[0].isdigit() and taken[0].isdigit():
                statistics = _words(group / "memory.stat")
                spare = dict(zip(statistics[::2], statistics[1::2])).get(cached, "0")
                left.append(max(0, int(most[0]) - max(0, int(taken[0]) - int(spare))))
    return min(left, default=None)


def groups(controller: str, root: Path = _ROOT) -> Iterator[Path]:
    """The directories of this process's group and of those above it, by `controller`, such as cpu."""
    for point, top in _mounts(controller, root):
        for path in _paths(controller, root):
            inside = PurePosixPath(path)
            above = (inside, *inside.parents)
            # What lies beside the mount's top can't be seen here, and the top itself bounds it all the same.
            seen = above[: above.index(top) + 1] if top in above else (top,)
            for group in seen:
                yield root / point.lstrip("/") / group.relative_to(top)


def _paths(controller: str, root: Path) -> List[str]:
    """The process's groups, from the top of their hierarchies: see cgroups(7), /proc/[pid]/cgroup."""
    found = []
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if (not controllers or controller in controllers.split(",")) and "/.." not in path:
            found.append(path)
    return found or ["/"]


def _mounts(controller: str, root: Path) -> List[Tuple[str, PurePosixPath]]:
    """Where hierarchies are mounted, and which of their groups lies there: see proc(5), mountinfo."""
    found = []
    for line in _lines(root / "proc/self/mountinfo"):
        here, _, there = line.partition(" - ")
        kind, _, options = there.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and controller in options.split(",")):
            top, point = here.split(" ")[3:5]
            found.append((point, PurePosixPath(top)))
    usual = ("/sys/fs/cgroup", f"/sys/fs/cgroup/{controller}")
    return found or [(point, PurePosixPath("/")) for point in usual]


def _words(path: Path) -> List[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> List[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
