"""A run puts right what drifted in the kernel since the last one, says so, and the next changes nothing.

Each drift by itself, and more of them: tests/vm.
"""

from __future__ import annotations

import os

from support.drifts import DRIFTS, TOGETHER, changes, put_right
from support.throwaway import Throwaway
from throwaway.inventory import host_names


def test_a_run_puts_right_what_drifted_and_the_next_changes_nothing() -> None:
    (name,) = host_names()
    host, playbook = Throwaway(name), f"{os.environ['MOLECULE_SCENARIO_DIRECTORY']}/converge.yml"
    put_right(host, [drift for drift in DRIFTS if drift.name in TOGETHER], playbook)
    again = host.play(playbook)
    assert again.code == 0 and changes(again) == 0, again.output[-6000:]
