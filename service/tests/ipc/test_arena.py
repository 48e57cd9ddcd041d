"""The arena is one memory for all processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotpath.core import Refusal
from hotpath.ipc.arena import Arena

SHAPE = (5, 7, 3)


@pytest.mark.parametrize("in_a_directory", [False, True])
def test_a_child_writes_what_the_parent_reads_and_neighbours_stay_clean(
    tmp_path: Path, in_a_directory: bool
) -> None:
    arena = Arena(3, 5 * 7 * 3, str(tmp_path) if in_a_directory else "")
    pid = os.fork()
    if pid == 0:
        arena.view(1, SHAPE)[:] = 9
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert (arena.view(1, SHAPE) == 9).all()
    assert not arena.view(0, SHAPE).any() and not arena.view(2, SHAPE).any()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"placement\.arena.*missing.*No such file"):
        Arena(1, 10, str(tmp_path / "missing"))
