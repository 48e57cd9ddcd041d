"""Spare hosts join and leave by the load: real services, a real HAProxy and a real Prometheus, at a quicker pace."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autoscaler import Failure
from autoscaler.__main__ import Autoscaler
from autoscaler.policy import Decision
from autoscaler.rotation import Rotation
from support.front_door import Door
from support.gate import gate
from support.services import Service, free_port, until
from support.watching import Monitor

SPARES = ("gpu-2", "gpu-3")


@pytest.fixture(scope="module")
def door(services: list[Service], binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("door"), binary, services, free_port(), load_balancer_python="")
    made.have(services, SPARES)
    with made.open():
        made.apply()
        yield made


@pytest.fixture(scope="module")
def word(door: Door, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return gate(tmp_path_factory.mktemp("gate"), door.root)


@pytest.fixture(scope="module")
def url(door: Door, services: list[Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    targets = [{"job": "hotpath", "instance": one.name, "address": f"127.0.0.1:{one.port}"} for one in services]
    targets.append({"job": "haproxy", "instance": "door", "address": f"127.0.0.1:{door.port + 1}"})
    first = free_port()
    monitor = Monitor(tmp_path_factory.mktemp("monitor"), [first, first + 1], targets)
    with monitor.open():
        monitor.up()
        yield f"http://{monitor.prometheus}"


def config(url: str, word: list[str], folder: Path, **settings: Any) -> dict[str, Any]:
    quick = {"minimum": 1, "maximum": 3, "look_back_s": 6.0, "pause_s": 1.0, "stale_s": 10.0, "start_s": [10.0]}
    return {
        "settings": {**quick, **settings},
        "prometheus": url,
        "hold": str(folder / "hold"),
        "ssh": word,
        "balancers": {"door": "127.0.0.1"},
        "tiers": [{"wake": []}],
        "tiers_of": {},
        "dry_run": False,
    }


def states(word: list[str]) -> dict[str, str]:
    return {name: seen.state.value for name, seen in Rotation(word, {"door": ""}).look().hosts.items()}


def test_a_load_that_grows_and_falls_is_followed_and_nothing_fails(
    door: Door, url: str, word: list[str], photograph: bytes, tmp_path: Path
) -> None:
    scaler = Autoscaler(config(url, word, tmp_path), dry=False)
    assert states(word) == {"gpu-1": "serving", "gpu-2": "standby", "gpu-3": "standby"}
    decisions: list[Decision] = []
    statuses: list[int] = []

    def looked(condition: Any, clients: int) -> None:
        """Keep so many clients busy until the condition holds, looking all the while."""
        end = threading.Event()

        def ask() -> None:
            while not end.is_set():
                statuses.append(door.ask("POST", "/predict", photograph, **{"Content-Type": "image/png"}).status)
                time.sleep(0.01)

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:

            def look() -> bool:
                decisions.append(scaler.look())
                time.sleep(0.5)
                return bool(condition())

            until(look)
        finally:
            end.set()
            for thread in threads:
                thread.join()

    looked(lambda: list(states(word).values()) == ["serving"] * 3, clients=8)
    looked(lambda: list(states(word).values()) == ["serving", "standby", "standby"], clients=0)
    changes = [(*decision.join, *decision.leave) for decision in decisions if decision.join or decision.leave]
    assert sorted(name for names in changes for name in names) == sorted(SPARES * 2), decisions  # none twice
    assert set(statuses) == {200}


def test_prometheus_away_and_a_host_without_figures_change_nothing(word: list[str], tmp_path: Path) -> None:
    decision = Autoscaler(config("http://127.0.0.1:9", word, tmp_path), dry=False).look()
    assert decision.join == decision.leave == () and "does not answer" in decision.reason
    assert states(word)["gpu-1"] == "serving"


def test_the_operators_word_holds_it_and_a_dry_run_says_what_would_be(
    url: str, word: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = config(url, word, tmp_path, minimum=2)
    (tmp_path / "hold").write_text("the cooling is repaired\n")
    assert "the cooling is repaired" in Autoscaler(wish, dry=False).look().reason
    (tmp_path / "hold").unlink()
    decision = Autoscaler(wish, dry=True).look()
    assert len(decision.join) == 1 and f"would put into rotation: {decision.join[0]}" in capsys.readouterr().out
    assert list(states(word).values()) == ["serving", "standby", "standby"]


def test_the_key_can_do_no_more_than_that(word: list[str]) -> None:
    rotation = Rotation(word, {"door": ""})
    with pytest.raises(Failure, match="gpu-1 is no spare host here"):
        rotation.leave("gpu-1")
    with pytest.raises(Failure, match="is not understood here: say state"):
        rotation._all("state; reboot")
    with pytest.raises(Failure, match="is not understood here"):
        rotation._all("drain", "gpu-1")


def test_a_play_at_work_and_somebodys_drain_come_first(door: Door, url: str, word: list[str], tmp_path: Path) -> None:
    lock = door.root / "run" / "hotpath" / "play.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        decision = Autoscaler(config(url, word, tmp_path, minimum=2), dry=False).look()
        assert decision.join == () and "a play is at work on the balancer" in decision.reason
        with pytest.raises(Failure, match="a play is at work"):
            Rotation(word, {"door": ""}).join("gpu-2")
    lock.unlink()


def test_balancers_that_are_away_are_named_and_one_that_answers_is_enough(word: list[str]) -> None:
    away = ["sh", "-c", 'test "$1" = away && { echo no route >&2; exit 255; }; ' + word[2], "gate"]
    both = Rotation(away, {"one": "here", "two": "away"})
    assert both.look().hosts["gpu-1"].state.value == "serving"
    with pytest.raises(Failure, match="the balancer two can't be reached: no route"):
        Rotation(away, {"two": "away"}).look()
