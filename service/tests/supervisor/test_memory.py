"""A process has its memory where it was told to, which the kernel itself says in numa_maps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from hotpath.core import Refusal
from hotpath.supervisor import memory

NODE = int(Path("/sys/devices/system/node/online").read_text().strip().replace("-", ",").split(",")[0])


def policy_in_child(act: Callable[[], None]) -> str:
    """The policy of a child's memory once it has acted; the test's own is left as it was."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        act()
        first_mapping = Path("/proc/self/numa_maps").read_text().split()[1]
        os.write(writer, first_mapping.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    assert os.waitpid(pid, 0)[1] == 0
    return said


@pytest.mark.parametrize("policy, said", [("bind", "bind"), ("preferred", "prefer"), ("any", "default")])
def test_the_policy_is_the_kernels(policy: str, said: str) -> None:
    expected = "default" if policy == "any" else f"{said}:{NODE}"
    assert policy_in_child(lambda: memory.place(policy, NODE)) == expected


def test_without_a_node_nothing_is_changed() -> None:
    assert policy_in_child(lambda: memory.place("bind", None)) == "default"


def test_a_preference_ends_with_its_block() -> None:
    inside = []

    def act() -> None:
        with memory.preferring("bind", NODE):
            inside.append(Path("/proc/self/numa_maps").read_text().split()[1])
        assert inside == [f"prefer:{NODE}"]

    assert policy_in_child(act) == "default"


@pytest.mark.parametrize("node", [1023, 100_000])
def test_a_node_that_is_not_there_is_refused_by_name(node: int) -> None:
    with pytest.raises(Refusal, match=rf"NUMA node {node} .*placement\.memory"):
        memory.place("bind", node)
