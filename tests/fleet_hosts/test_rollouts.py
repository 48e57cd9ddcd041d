"""Releases and versions come to a fleet host by host under steady load, and leave again where they are bad.

`make test-fleet` has all of them, judged as by default; `make test-fleet FLEET=brief` a few, judged quickly.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.faulty_releases import FAULTS, Fault, bundle, source_with
from support.fleet import BALANCERS, GPU_HOSTS, Fleet
from support.killing import Kill
from support.load import Answer, Load
from support.model_sources import stand_in
from support.site import BUNDLE, DEPLOY
from throwaway import hosts

CANARY = GPU_HOSTS[0]
WHOLE = os.environ.get("HOTPATH_ROLLOUTS") == "whole"
"""Whether everything is to be tried, and judged as it is by default."""
SHARE: dict[str, Any] = {"rollout_share": 34, "rollout_compared": 50}
QUICK = {"rollout_requests": 150, "rollout_seconds": 12, "rollout_comparisons": 20}
BY_DEFAULT = {"rollout_requests": 500, "rollout_seconds": 40, "rollout_comparisons": 50}
JUDGED = SHARE | (BY_DEFAULT if WHOLE else QUICK)
IN_BRIEF = ("five times slower", "right on references alone", "labels shifted by one")
SECONDS_TO_GO = 60
KILLS = 5
whole = pytest.mark.skipif(not WHOLE, reason="make test-fleet")


@dataclass(frozen=True)
class Traffic:
    """Clients who ask what is red, and others who ask what is green, of which no reference knows."""

    loads: tuple[Load, Load]

    @property
    def answers(self) -> list[Answer]:
        return sorted((one for load in self.loads for one in load.answers), key=lambda one: one.began)

    @property
    def failed(self) -> list[Answer]:
        return [one for load in self.loads for one in load.failed()]

    def more(self, count: int) -> None:
        for load in self.loads:
            load.more(count)

    def slowest(self, since: int = 0, until: int | None = None) -> float:
        """The 99th percentile of some answers, in seconds."""
        times = sorted(one.seconds for one in self.answers[since:until])
        return times[int(len(times) * 0.99)]

    def canary_had(self) -> float:
        """For how many seconds the canary had requests after its turn, by the gaps in what it answered."""
        moments = [one.began for one in self.answers if one.host == CANARY]
        gaps = [index for index in range(1, len(moments)) if moments[index] - moments[index - 1] > 2.0]
        ends = [*gaps[1:], len(moments)]
        return moments[ends[0] - 1] - moments[gaps[0]] if gaps else 0.0


def picture(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


@contextmanager
def traffic() -> Iterator[Traffic]:
    doors = [("127.0.0.1", hosts.hosts()[name].port or 0) for name in BALANCERS]
    red = Load(doors, picture((255, 0, 0)), "red", clients=4, rest_s=0.05)
    green = Load(doors, picture((0, 255, 0)), "green", clients=4, rest_s=0.05)
    with red, green:
        asked = Traffic((red, green))
        asked.more(100)
        yield asked


def colours(fleet: Fleet) -> dict[str, Any]:
    return {"source": str(fleet.folder / "colours")}


def bundled(fleet: Fleet, fault: Fault, folder: Path) -> str:
    """A release with this change, as the next one that is deployed."""
    return bundle(source_with(fault, folder / "service"), [colours(fleet)], fleet.folder / "bundle")


def harmless(word: str) -> Fault:
    return Fault(
        "core.py", "from __future__ import annotations\n", f"from __future__ import annotations\n# {word}\n", ""
    )


def state(fleet: Fleet) -> list[tuple[str, ...]]:
    """Of each host: its release, its models, what its service was started from, and what is left of a rollout."""
    asked = (
        "readlink /opt/hotpath/current; readlink /var/lib/hotpath/models/*/current; cat /run/hotpath/deployment; "
        "systemctl is-active hotpath; ls /var/lib/hotpath/rollout.json"
    )
    return [tuple(fleet.host(name).run(asked).stdout.split()) for name in GPU_HOSTS]


def processes(fleet: Fleet) -> list[str]:
    return [fleet.host(name).run("systemctl show -P MainPID hotpath").stdout for name in GPU_HOSTS]


def test_a_version_comes_to_every_host_without_a_restart(fleet: Fleet) -> None:
    running, earlier = processes(fleet), state(fleet)
    shutil.rmtree(fleet.folder / "colours")
    stand_in(fleet.folder / "colours", always=0.011)
    with traffic() as asked:
        before = len(asked.answers)
        done = fleet.play(f"{BUNDLE} {DEPLOY}", service_bundle_sets=["cpu"], **JUDGED)
        during = asked.slowest(before) / asked.slowest(0, before)
    print(f"{len(asked.answers) - before} requests during it, 99th percentile {during:.2f} times that of before")
    assert done.code == 0, done.output[-6000:]
    assert asked.failed == []
    assert processes(fleet) == running
    assert all(new[1] != old[1] for new, old in zip(state(fleet), earlier, strict=True))
    assert not WHOLE or during <= 3


def test_a_release_comes_to_every_host_and_no_request_fails(fleet: Fleet, tmp_path: Path) -> None:
    release = bundled(fleet, harmless("one"), tmp_path)
    with traffic() as asked:
        before = len(asked.answers)
        done = fleet.play(DEPLOY, **JUDGED)
        during = asked.slowest(before) / asked.slowest(0, before)
    print(f"{len(asked.answers) - before} requests during it, 99th percentile {during:.2f} times that of before")
    assert done.code == 0, done.output[-6000:]
    assert asked.failed == []
    assert {host[0] for host in state(fleet)} == {f"releases/{release}"}
    assert not WHOLE or during <= 3
    fleet.whole()
    again = fleet.play(DEPLOY)
    assert len(re.findall(r"changed=0 ", again.words)) == len(GPU_HOSTS), again.output[-3000:]


@pytest.mark.parametrize("name", FAULTS if WHOLE else IN_BRIEF)
def test_a_bad_release_leaves_again_and_what_decided_is_said(fleet: Fleet, name: str, tmp_path: Path) -> None:
    earlier = state(fleet)
    bundled(fleet, FAULTS[name], tmp_path)
    with traffic() as asked:
        stopped = fleet.play(DEPLOY, **JUDGED)
        had = asked.canary_had()
        fleet.whole()
        asked.more(50)
    figure = re.search(rf"{CANARY}: (.*?)(?: PLAY RECAP|\n|$)", stopped.words.partition("What decided:")[2])
    failed = asked.failed
    print(f"{name}: {had:.0f} s of traffic, {len(failed)} failed; {figure and figure[1][:160]}")
    assert stopped.code != 0
    assert FAULTS[name].words in stopped.words.partition("What decided:")[2], stopped.output[-6000:]
    assert {one.host for one in failed} <= {CANARY}, failed
    assert had <= SECONDS_TO_GO
    assert state(fleet) == earlier


@whole
def test_a_killed_play_leaves_a_fleet_that_serves_and_the_next_one_finishes(fleet: Fleet, tmp_path: Path) -> None:
    chosen = random.Random(int(os.environ.get("HOTPATH_SEED", "1")))
    for number in range(KILLS):
        release = bundled(fleet, harmless(f"kill {number}"), tmp_path / str(number))
        kill = Kill(chosen.randrange(40, 130), chosen.uniform(0.0, 2.0))
        with traffic() as asked:
            killed = fleet.killed(DEPLOY, kill, **JUDGED)
            asked.more(100)
            left = [bool(host[-1].endswith(".json")) for host in state(fleet)]
            done = fleet.play(DEPLOY, **JUDGED)
        print(f"{kill}: killed in {killed.begun[-1][1].strip() if killed.begun else ''}; on its way: {left}")
        assert done.code == 0, done.output[-6000:]
        assert asked.failed == []
        assert {host[0] for host in state(fleet)} == {f"releases/{release}"}
        assert not any(host[-1].endswith(".json") for host in state(fleet))
        fleet.whole()
