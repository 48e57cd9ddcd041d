"""What drifted in the kernel is put right by the next run of its role, which says so, and by nothing else."""

from __future__ import annotations

import pytest
from support.drifts import DRIFTS, Drift, changes, put_right
from support.throwaway import Throwaway

PLAYBOOK = "molecule/vm/converge.yml"


def only(role: str) -> tuple[str, str]:
    return "--tags", f"{role}_configure"


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.name)
def test_the_next_run_puts_it_right(tuned: Throwaway, drift: Drift) -> None:
    """Besides it nothing changes, so the run before has left nothing to do."""
    done = put_right(tuned, [drift], PLAYBOOK, *only(drift.role))
    assert changes(done) == drift.changes, done.output[-6000:]


@pytest.mark.parametrize("role", sorted({drift.role for drift in DRIFTS}))
def test_then_nothing_changes(tuned: Throwaway, role: str) -> None:
    done = tuned.play(PLAYBOOK, *only(role))
    assert done.code == 0 and changes(done) == 0, done.output[-6000:]
