"""The arena is one memory for all processes."""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

import pytest

from hotpath.core import Refusal, TensorSpec
from hotpath.ipc.arena import Arena, SlotClasses, stride_of

SPECS = (TensorSpec("image", "uint8", (5, 7, 3)),)


@pytest.mark.parametrize("in_a_directory", [False, True])
def test_a_child_writes_what_the_parent_reads_and_neighbours_stay_clean(
    tmp_path: Path, in_a_directory: bool
) -> None:
    arena = Arena(SlotClasses(3, (5 * 7 * 3,)), str(tmp_path) if in_a_directory else "")
    pid = os.fork()
    if pid == 0:
        arena.item(1, SPECS)[0][:] = 9
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert (arena.item(1, SPECS)[0] == 9).all()
    assert not arena.item(0, SPECS)[0].any() and not arena.item(2, SPECS)[0].any()
    assert list(tmp_path.iterdir()) == []


def test_touched_slots_are_in_memory_and_others_are_not(tmp_path: Path) -> None:
    arena = Arena(SlotClasses(4, (3 * mmap.PAGESIZE,)), str(tmp_path))

    def resident() -> int:
        """Resident bytes of the arena's mapping, by its file's name."""
        told = Path("/proc/self/smaps").read_text()
        mapping = told.partition(f"{tmp_path}/hotpath-arena-")[2]
        return 1024 * int(re.findall(r"^Rss: +(\d+) kB$", mapping, re.MULTILINE)[0])

    before = resident()
    arena.touch(range(1, 3))
    assert (before, resident()) == (0, 2 * stride_of(arena.classes.sizes[0]))


def test_a_directory_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"placement\.arena.*missing.*No such file"):
        Arena(SlotClasses(1, (10,)), str(tmp_path / "missing"))


def test_slots_of_several_sizes_lie_beside_one_another_and_never_in_one_another() -> None:
    classes = SlotClasses(5, (100, 5000, 40_000))
    ends = [(classes.offset(slot), stride_of(classes.sizes[slot // 5])) for slot in range(classes.slots)]
    assert ends[0][0] == 0 and sum(ends[-1]) == classes.nbytes
    assert all(start + size == after for (start, size), (after, _) in zip(ends, ends[1:]))
    assert [classes.holding(size) for size in (1, 100, 101, 5000, 40_000, 50_000)] == [0, 0, 1, 1, 2, 2]


def test_an_item_is_as_long_as_it_is_said_to_be() -> None:
    specs = (TensorSpec("ids", "int32", (8,), varies=True), TensorSpec("scale", "float32", ()))
    arena = Arena(SlotClasses(2, (128,)))
    ids, scale = arena.item(1, specs)
    ids[:] = range(8)
    scale[...] = 2.5
    shorter, same = arena.item(1, specs, 3)
    assert (shorter.tolist(), float(same)) == ([0, 1, 2], 2.5)
    assert not arena.item(0, specs)[0].any()
