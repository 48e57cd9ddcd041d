"""`site.yml --check --diff` passes on a host that nothing has touched, and leaves it untouched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.throwaway import Throwaway, throwaway

RPM_READERS = "var/lib/rpm/rpmdb.sqlite-shm"  # the memory that those who query rpm's database share

# Written by any login, any query or the host's own services: not what a play is judged by.
LIVING = ("proc", "sys", "dev", "run", "tmp", "root/.ansible", "var/log", "var/tmp", "var/cache", RPM_READERS)


@pytest.fixture(scope="module")
def untouched() -> Iterator[Throwaway]:
    with throwaway("untouched") as made:
        yield made


def state_of(host: Throwaway) -> list[str]:
    """Every path with type, mode, owner, size, time of change and link; each package; each unit's state."""
    pruned = " -o ".join(f"-path './{place}'" for place in LIVING)
    tree = host.run(f"cd / && find . \\( {pruned} \\) -prune -o ! -type d -printf '%p %y %m %u:%g %s %T@ %l\\n' | sort")
    folders = host.run(f"cd / && find . \\( {pruned} \\) -prune -o -type d -printf '%p %m %u:%g\\n' | sort")
    units = host.run("rpm -qa | sort; systemctl list-unit-files --no-legend | sort")
    for done in (tree, folders, units):
        assert done.returncode == 0, done.stderr
    return [*tree.stdout.splitlines(), *folders.stdout.splitlines(), *units.stdout.splitlines()]


def test_check_mode_passes_and_changes_nothing(untouched: Throwaway) -> None:
    before = state_of(untouched)
    checked = untouched.play("site.yml", "--check", "--diff")
    assert checked.code == 0, checked.output[-4000:]
    # It foretells changes, so it was no empty run.
    recap = re.search(rf"{untouched.name}\s+: ok=(\d+)\s+changed=(\d+)", checked.output)
    assert recap and int(recap[1]) > 20 and int(recap[2]) > 5, checked.output[-2000:]
    changed = sorted(set(before) ^ set(state_of(untouched)))
    assert changed == []
