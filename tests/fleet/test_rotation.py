"""Hosts leave the rotation and come back while clients go on, asked for by the module as the playbooks ask."""

from __future__ import annotations

import json
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

from support.front_door import Clients, Door
from support.python36 import run_module
from support.services import Service, until

FAN: dict[str, Any] = {"purpose": "maintenance", "why": "a fan is replaced", "by": "drain.yml of ops@controller"}


def rotation(door: Door, check_mode: bool = False, **asked: Any) -> dict[str, Any]:
    """What the module answers on the balancer's Python."""
    config = str(door.root / "etc/hotpath/balancer.cfg")
    return run_module("balancer_rotation", {"config": config, **asked}, check_mode=check_mode)


def state(door: Door, host: str) -> dict[str, Any]:
    found: dict[str, Any] = rotation(door)["hosts"][host]
    return found


def test_out_and_in_under_load_lose_nothing(door: Door, photograph: bytes) -> None:
    with Clients(door, photograph) as clients:
        clients.more(20)
        foreseen = rotation(door, check_mode=True, host="gpu-2", state="out", **FAN)
        assert (foreseen["changed"], foreseen["hosts"]["gpu-2"]["state"]) == (True, "in")
        out = rotation(door, host="gpu-2", state="out", **FAN)
        assert out["changed"] and out["words"] == ["gpu-2 is taken out of rotation"]
        assert (out["hosts"]["gpu-2"]["state"], out["hosts"]["gpu-2"]["sessions"]) == ("out", 0)
        assert "maintenance: a fan is replaced (drain.yml of ops@controller, " in out["hosts"]["gpu-2"]["why"]
        assert not rotation(door, host="gpu-2", state="out", **FAN)["changed"]

        served = door.served("gpu-2")
        clients.more(40)
        assert door.served("gpu-2") == served, "a host got requests that is out of rotation"

        back = rotation(door, host="gpu-2", state="in", purpose="maintenance")
        assert back["changed"] and back["hosts"]["gpu-2"]["state"] == "in" and back["hosts"]["gpu-2"]["why"] == ""
        assert not rotation(door, host="gpu-2", state="in", purpose="maintenance")["changed"]
        until(lambda: door.served("gpu-2") > served)
    assert set(clients.met) == {"200"}


def test_out_waits_for_the_last_answer(door: Door, photograph: bytes, services: list[Service]) -> None:
    """Of the worker that a reload replaced too: its client is answered before the host counts as done."""
    services[0].signal(signal.SIGSTOP)
    try:
        with Clients(door, photograph, count=1) as clients:
            until(lambda: state(door, "gpu-1")["sessions"] == 1)
            door.variables["load_balancer_answer_s"] = 30
            door.apply()
            late = rotation(door, host="gpu-1", state="out", drain_s=0.5, **FAN)
            assert late["failed"] and "gpu-1 still has 1 requests 0.5 s after" in late["msg"]
            answers: list[dict[str, Any]] = []
            waits = threading.Thread(
                target=lambda: answers.append(rotation(door, host="gpu-1", state="out", drain_s=30, **FAN))
            )
            waits.start()
            until(lambda: state(door, "gpu-1")["state"] == "out")
            assert waits.is_alive() and not clients.met
            services[0].signal(signal.SIGCONT)
            waits.join()
    finally:
        services[0].signal(signal.SIGCONT)
    assert not answers[0].get("failed") and set(clients.met) == {"200"}


def test_no_more_than_the_share_leaves_and_who_waits_gets_its_turn(door: Door) -> None:
    rotation(door, host="gpu-1", state="out", **FAN)
    refused = rotation(door, host="gpu-2", state="out", at_most=0.34, **FAN)
    assert refused["failed"]
    assert "of 3 hosts 1 may be out at once" in refused["msg"] and "gpu-1 (maintenance: a fan is" in refused["msg"]
    assert state(door, "gpu-2")["state"] == "in"

    answers: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"host": "gpu-2", "state": "out", "at_most": 0.34, "turn_s": 30, **FAN}
    waits = threading.Thread(target=lambda: answers.append(rotation(door, **asked)))
    waits.start()
    rotation(door, host="gpu-1", state="in")
    waits.join()
    assert answers[0]["changed"] and answers[0]["hosts"]["gpu-2"]["state"] == "out"


def test_a_host_is_back_when_all_that_it_was_out_for_is_gone(door: Door) -> None:
    rotation(door, host="gpu-1", state="out", **FAN)
    rotation(door, host="gpu-1", state="out", purpose="deploy", why="release 2")
    stays = rotation(door, host="gpu-1", state="in", purpose="deploy")
    assert stays["hosts"]["gpu-1"]["state"] == "out" and "stays out of rotation: maintenance" in stays["words"][0]
    assert rotation(door, host="gpu-1", state="in")["hosts"]["gpu-1"]["state"] == "in"

    # Somebody's own word at the balancer is kept too.
    door.admin("set server gpu_hosts/gpu-1 state drain")
    assert "no reason is recorded" in state(door, "gpu-1")["why"]
    rotation(door, host="gpu-1", state="out", purpose="deploy", why="release 2")
    assert rotation(door, host="gpu-1", state="in", purpose="deploy")["hosts"]["gpu-1"]["state"] == "out"
    assert rotation(door, host="gpu-1", state="in")["hosts"]["gpu-1"]["state"] == "in"


def test_reload_restart_and_a_killed_play_leave_out_who_is_out(door: Door) -> None:
    rotation(door, host="gpu-3", state="out", **FAN)
    door.variables["load_balancer_answer_s"] = 31
    door.apply()
    assert state(door, "gpu-3")["state"] == "out"
    door.restart()
    assert state(door, "gpu-3")["state"] == "out"
    assert "a fan is replaced" in state(door, "gpu-3")["why"]

    # As when a play was killed between writing the record and telling HAProxy.
    door.admin("set server gpu_hosts/gpu-3 state ready")
    assert "gpu-3 is in rotation, and is to be out: maintenance" in door.program("check").stdout
    assert "is to be out, and is not yet" in state(door, "gpu-3")["why"]
    again = rotation(door, host="gpu-3", state="out", **FAN)
    assert again["changed"] and again["hosts"]["gpu-3"]["state"] == "out"
    door.admin("set server gpu_hosts/gpu-3 state ready")
    door.apply()
    assert state(door, "gpu-3")["state"] == "out"
    rotation(door, host="gpu-3", state="in")
    door.restart()
    assert state(door, "gpu-3")["state"] == "in"


def test_a_spare_comes_when_it_is_asked_for(door: Door, services: list[Service], photograph: bytes) -> None:
    with Clients(door, photograph) as clients:
        door.have(services[:2])
        door.apply()
        door.have(services, standby=["gpu-3"])
        door.apply()
        assert "standby: a standby host that nobody asked for yet" in state(door, "gpu-3")["why"]
        assert rotation(door, host="gpu-3", state="in")["hosts"]["gpu-3"]["state"] == "out"
        assert rotation(door, host="gpu-3", state="in", purpose="standby")["hosts"]["gpu-3"]["state"] == "in"
        door.apply()
        assert state(door, "gpu-3")["state"] == "in"
        clients.more(20)
    assert set(clients.met) == {"200"}


def test_one_that_is_no_spare_any_more_comes_when_it_is_asked_for(door: Door, services: list[Service]) -> None:
    door.have(services[:2])
    door.apply()
    door.have(services, standby=["gpu-3"])
    door.apply()
    door.have(services)
    door.apply()
    assert state(door, "gpu-3")["state"] == "out"
    asked = partial(rotation, door, host="gpu-3", state="in", purpose="standby")
    assert asked(check_mode=True)["changed"]
    assert asked()["hosts"]["gpu-3"]["state"] == "in"


def test_one_that_is_not_ready_is_told_and_waited_for(door: Door, services: list[Service]) -> None:
    rotation(door, host="gpu-1", state="out", **FAN)
    services[0].signal(signal.SIGSTOP)
    try:
        until(lambda: "not ready" in state(door, "gpu-1")["why"])
        late = rotation(door, host="gpu-1", state="in", ready_s=0.5)
        assert late["failed"] and "gets none after 0.5 s: not ready" in late["msg"]
        assert state(door, "gpu-1")["state"] == "down"
    finally:
        services[0].signal(signal.SIGCONT)
    assert rotation(door, host="gpu-1", state="in", ready_s=30)["hosts"]["gpu-1"]["state"] == "in"


def test_weight_strangers_and_a_balancer_that_is_none(door: Door, tmp_path: Path) -> None:
    assert rotation(door, host="gpu-1", weight=7)["hosts"]["gpu-1"]["weight"] == 7
    assert not rotation(door, host="gpu-1", weight=7)["changed"]
    stranger = rotation(door, host="gpu-9", state="out", **FAN)
    assert (stranger["known"], stranger["changed"]) == (False, False)
    assert "purpose" in rotation(door, host="gpu-1", state="out")["msg"]
    assert "from 0 to 1" in rotation(door, host="gpu-1", state="out", at_most=25, **FAN)["msg"]

    bare = run_module("balancer_rotation", {"config": str(tmp_path / "none.cfg"), "host": "gpu-1"})
    assert (bare["known"], bare["hosts"]) == (False, {})
    record = door.root / "var/lib/hotpath-balancer/rotation.json"
    record.write_text("{")
    assert "rotation.json can't be read" in rotation(door)["msg"]
    record.write_text(json.dumps({}))
    assert not rotation(door).get("failed")


def test_a_balancer_that_is_down_is_said_to_be(door: Door) -> None:
    door.stop()
    assert "HAProxy does not answer on" in rotation(door)["msg"]
