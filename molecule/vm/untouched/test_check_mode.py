"""Check mode passes on a machine that nothing has touched, and touches neither its files nor its kernel."""

from __future__ import annotations

import os
import re

from support.throwaway import Throwaway
from support.untouched import kernel_of, state_of
from throwaway.inventory import host_names


def test_check_mode_passes_and_changes_nothing() -> None:
    (name,) = host_names()
    host = Throwaway(name)
    before = {*state_of(host), *kernel_of(host)}
    checked = host.play(f"{os.environ['MOLECULE_SCENARIO_DIRECTORY']}/converge.yml", "--check", "--diff")
    assert checked.code == 0, checked.output[-4000:]
    # It foretells changes, so it was no empty run.
    recap = re.search(rf"{name}\s+: ok=(\d+)\s+changed=(\d+)", checked.output)
    assert recap and int(recap[1]) > 20 and int(recap[2]) > 5, checked.output[-2000:]
    assert sorted(before ^ {*state_of(host), *kernel_of(host)}) == []
