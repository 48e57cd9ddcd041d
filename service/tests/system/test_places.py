"""The processes of a running service are where the plan puts them, read from the kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Set

import pytest
from support.server import serving, write_config

pytestmark = pytest.mark.one_python

NODE = int(Path("/sys/devices/system/node/online").read_text().strip().replace("-", ",").split(",")[0])


def affinities(pid: int) -> Set[str]:
    """Where the threads of a process may run."""
    found = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        found.add(fields["Cpus_allowed_list"])
    return found


@pytest.mark.parametrize("memory, policy", [("bind", f"bind:{NODE}"), ("any", "default")])
def test_every_thread_and_its_memory_are_in_their_place(
    tmp_path: Path, fast_model: Path, memory: str, policy: str
) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    plan = tmp_path / "plan.json"
    engine = {"device": "cpu", "numa_node": NODE, "cpus": cpus[:1], "worker_cpus": cpus[-1:]}
    plan.write_text(json.dumps({"engines": [engine]}))
    placement = {"plan": plan, "memory": memory}
    config = write_config(tmp_path / "hotpath.toml", fast_model, placement=placement)
    with serving(config) as server:
        for role, cpu in (("engine", cpus[0]), ("worker", cpus[-1])):
            (pid,) = server.children(role)
            assert affinities(pid) == {str(cpu)}
            mappings = Path(f"/proc/{pid}/numa_maps").read_text().splitlines()
            assert {line.split()[1] for line in mappings if " heap " in line} == {policy}
        assert server.stop() == 0
