"""A canary has its share of a balancer's requests and no more, and what every host made of its own is told."""

from __future__ import annotations

from typing import Any

from support.front_door import Clients, Door
from support.python36 import run_module
from support.services import Service, until


def canary(door: Door, **asked: Any) -> dict[str, Any]:
    """What the module answers on the balancer's Python."""
    config = str(door.root / "etc/hotpath/balancer.cfg")
    return run_module("balancer_canary", {"config": config, "host": "gpu-2", **asked})


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {host: sum(of["statuses"].values()) for host, of in told["requests"].items()}


def test_a_share_is_drawn_by_lot_and_ends(door: Door, photograph: bytes) -> None:
    """Of 600 requests 20 % are 120, give or take 10: three times that is allowed, and a third part would be 200."""
    with Clients(door, photograph) as clients:
        clients.more(20)
        begun = canary(door, share=20)
        assert begun["changed"] and begun["share"] == 20 and not canary(door, share=20)["changed"]
        clients.more(600)
        told = canary(door, since=begun["now"])
        all_of_them = sum(counted(told).values())
        assert 0.2 * all_of_them - 35 < counted(told)["gpu-2"] < 0.2 * all_of_them + 35
        assert told["status"]["gpu-2"].startswith("UP")

        ended = canary(door, share=0)
        assert ended["changed"] and ended["share"] == 0
        clients.more(150)
        assert counted(canary(door, since=ended["now"]))["gpu-2"] >= 30
    assert set(clients.met) == {"200"}


def test_out_of_rotation_the_lot_gives_it_nothing_either(door: Door, photograph: bytes) -> None:
    """A play that is killed may have given a share to a host that is out; the next one takes it out again."""
    out = {"config": str(door.root / "etc/hotpath/balancer.cfg"), "host": "gpu-2", "state": "out", "why": "its turn"}
    with Clients(door, photograph) as clients:
        for _ in range(2):
            canary(door, share=40)
            clients.more(20)
            assert run_module("balancer_rotation", {**out, "purpose": "rollout"})["changed"]
            served = door.served("gpu-2")
            clients.more(60)
            assert door.served("gpu-2") == served and canary(door)["share"] == 0
        assert not run_module("balancer_rotation", {**out, "purpose": "rollout"})["changed"]
        canary(door, share=0)
        run_module("balancer_rotation", {**out, "state": "in", "purpose": "rollout"})
        door.up(3)
    assert set(clients.met) == {"200"}


def test_requests_are_told_by_status_and_time(door: Door, photograph: bytes) -> None:
    begun = canary(door)
    for _ in range(30):
        assert door.ask("POST", "/predict", photograph, Content_Type="image/png").status == 200
    assert door.ask("POST", "/predict", b"no picture", Content_Type="image/png").status == 415

    def told() -> dict[str, Any]:
        found: dict[str, Any] = canary(door, since=begun["now"])["requests"]
        return found

    until(lambda: sum(sum(of["statuses"].values()) for of in told().values()) == 31)
    statuses = [status for of in told().values() for status in of["statuses"]]
    assert statuses.count("415") == 1
    times = [int(time) for of in told().values() for time in of["milliseconds"]]
    assert min(times) >= 20, "a batch takes so long"


def test_a_host_that_is_gone_is_known_to_be(door: Door, services: list[Service]) -> None:
    services[1].kill()
    try:
        until(lambda: str(canary(door)["status"]["gpu-2"]).startswith("DOWN"))
    finally:
        services[1].log.clear()
        services[1].start()
        door.up(3)


def test_a_host_that_the_balancer_does_not_know_is_no_canary(door: Door) -> None:
    assert canary(door, host="gpu-9", share=20)["known"] is False
