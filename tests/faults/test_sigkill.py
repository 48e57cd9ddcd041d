"""A play that is killed without warning is completed by the next one, to the very state of a play that was not.

HOTPATH_KILLS says how often (4), HOTPATH_SEED chooses the points: always the same in a run of all tests, so that a
change is judged by itself, and with a stand-in for the model, which is built in no time. `make test-faults` takes 10
at other points each time, and the real model, whose build is among the longest tasks.
"""

from __future__ import annotations

import json
import os
import random
import signal
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from support.killing import Kill, Run, run
from support.model_sources import stand_in
from support.site import Site
from support.throwaway import Throwaway, play, throwaway

PLAYBOOK = "site.yml"
PLACES = "etc opt/hotpath usr/libexec/hotpath var/lib/hotpath"
# What differs between any two hosts, or holds the time of its writing: the container's own files, keys, caches and the
# copies that tools keep of a file before they change it.
VOLATILE = ("etc/hostname", "etc/hosts", "etc/machine-id", "etc/ssh/*", "etc/ld.so.cache", "*-", "*.old", "*.pyc")
# What a build measured on the machine, and the rules of a zone, which stand in the order they came in.
MEASURED = ("var/lib/hotpath/models/*/report.*", "var/lib/hotpath/models/*/model.json")
UNORDERED = "etc/firewalld/zones/*.xml"
KILLS = int(os.environ.get("HOTPATH_KILLS", "4"))
UNITS = (
    "hotpath.service hotpath.socket nvidia-persistenced.service firewalld.service rpcbind.socket avahi-daemon.service"
)
PROPERTIES = "Id,ActiveState,SubState,UnitFileState,NeedDaemonReload"


@dataclass(frozen=True)
class Point:
    """A moment of the play: seconds after the heading of a task, counted from 1."""

    task: int
    after_s: float

    @property
    def kill(self) -> Kill:
        return Kill(self.task, self.after_s)


def points_of(straight: Run, kills: int, choose: random.Random) -> list[Point]:
    """Every second moment is chosen evenly over the time that the play takes on a fresh host, the rest over its tasks.

    By time alone most kills would hit the few long tasks. They come in order, so that each meets work that no run has
    finished yet.
    """
    tasks = list(enumerate(pairwise(begun for begun, _ in straight.begun), start=1))
    points = []
    for kill in range(kills):
        lengths = [ended - begun if kill % 2 else 1 for _, (begun, ended) in tasks]
        ((number, (begun, ended)),) = choose.choices(tasks, weights=lengths)
        points.append(Point(number, round(choose.uniform(0, ended - begun), 2)))
    return sorted(points, key=lambda point: (point.task, point.after_s))


def state_of(host: Throwaway) -> dict[str, list[str]]:
    """Path, mode, owner and link of every file, the digest of each that is not volatile, packages, locks and units."""
    volatile = " ".join(f"! -path '{pattern}'" for pattern in (*VOLATILE, *MEASURED, UNORDERED))
    commands = {
        "tree": f"cd / && find {PLACES} -printf '%p %y %m %u:%g %l\\n' | sort",
        "digests": f"cd / && find {PLACES} -type f {volatile} -print0 | sort -z | xargs -0 sha256sum",
        "rules": f"cd / && sort {UNORDERED}",
        "packages": "rpm -qa --queryformat '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\\n' | sort",
        "units": f"systemctl show {UNITS} --property={PROPERTIES}",
        "enabled": "systemctl list-unit-files --state=enabled --no-legend | sort",
        "running": "cat /run/hotpath/deployment",
    }
    found = {}
    for name, command in commands.items():
        done = host.run(command)
        assert done.returncode == 0, done.stderr
        found[name] = done.stdout.splitlines()
    return found


def test_killed_at_random_points(tmp_path: Path) -> None:
    seed = int(os.environ.get("HOTPATH_SEED", "763802"))
    print(f"HOTPATH_SEED={seed} HOTPATH_KILLS={KILLS}")
    built = play("playbooks/bundle.yml", service_bundle_sets=["cpu"])
    assert built.code == 0, built.output
    model = "efficientnet_lite0" if "HOTPATH_KILLS" in os.environ else stand_in(tmp_path / "colours")
    with throwaway("unharmed") as host:
        site = Site(host, tmp_path)
        site.serve({"source": model})
        straight = run(host, PLAYBOOK, *site.inventories)
        assert straight.code == 0, straight.output[-6000:]
        unharmed = state_of(host)
    with throwaway("killed") as host:
        site = Site(host, tmp_path)
        for number, point in enumerate(points_of(straight, KILLS, random.Random(seed)), start=1):
            stopped = run(host, PLAYBOOK, *site.inventories, kill=point.kill)
            at = stopped.begun[-1][1] if stopped.begun else "the beginning"
            print(
                f"kill {number}: {point}, planned in {straight.begun[point.task - 1][1]}; happened in {at}", flush=True
            )
            assert stopped.code == -signal.SIGKILL, f"the play ended before: {stopped.output[-4000:]}"
        completed = run(host, PLAYBOOK, *site.inventories)
        assert completed.code == 0, completed.output[-6000:]
        site.assert_unchanged_by(site.play(PLAYBOOK))
        killed = state_of(host)
    for part, lines in unharmed.items():
        difference = sorted(set(lines) ^ set(killed[part]))
        assert difference == [], f"{part} differs (HOTPATH_SEED={seed}): {json.dumps(difference[:20], indent=1)}"
