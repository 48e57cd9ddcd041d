"""The state of a fleet in words, and which hosts may reboot at once."""

from __future__ import annotations

from typing import Any

from fleet_table import fleet_rows, fleet_table
from reboot_turns import left_out, reboot_turns

GROUPS = {"gpu_hosts": ["a", "b"], "balancers": ["door-1", "door-2"]}
RUNS = {"release": "0.2.0-b", "models": {"colours": "3-c"}}
KEPT = {"state": "active", "since": "2030-01-01T10:00:00Z", "running": RUNS, "linked": RUNS}


def standing(state: str, why: str = "") -> dict[str, Any]:
    return {"state": state, "why": why, "sessions": 1, "queued": 0}


def fleet(**changes: Any) -> dict[str, Any]:
    """Two hosts, of which one is out at both balancers."""
    doors = {"hosts": {"a": standing("in"), "b": standing("out", "maintenance: a fan")}, "words": []}
    found = {
        "a": {"hotpath_kept": KEPT},
        "b": {"hotpath_kept": KEPT},
        "door-1": {"hotpath_rotation": doors},
        "door-2": {"hotpath_rotation": doors},
    }
    return {**found, **changes}


def test_a_row_tells_what_a_host_serves_and_why_it_is_out() -> None:
    a, b = fleet_rows(GROUPS, fleet())
    assert a == {
        "host": "a",
        "rotation": "in",
        "release": "0.2.0-b",
        "models": "colours/3-c",
        "since": "2030-01-01T10:00:00Z",
        "requests": "2",
        "why": "",
    }
    assert (b["rotation"], b["why"]) == ("out", "maintenance: a fan")


def test_balancers_that_differ_are_told_apart() -> None:
    other = {"hosts": {"a": standing("in"), "b": standing("in")}, "words": []}
    _, b = fleet_rows(GROUPS, fleet(**{"door-2": {"hotpath_rotation": other}}))
    assert b["rotation"] == "out at door-1; in at door-2"
    assert b["why"] == "maintenance: a fan at door-1; in at door-2"


def test_who_does_not_answer_is_told_of() -> None:
    gone = {"unreachable": True, "msg": "Connection timed out"}
    table = fleet_table(GROUPS, fleet(a={"hotpath_kept": gone}, **{"door-2": {"hotpath_rotation": gone}}))
    assert "the host does not answer: Connection timed out" in table
    assert table.endswith("door-2, a balancer, does not answer: Connection timed out")
    stopped = {**KEPT, "state": "failed", "running": {"release": "", "models": {}}}
    assert "hotpath.service is failed" in fleet_table(GROUPS, fleet(a={"hotpath_kept": stopped}))


def test_a_fleet_without_balancers_and_one_that_they_do_not_know() -> None:
    table = fleet_table({"gpu_hosts": ["a"]}, fleet())
    assert "There are no balancers" in table and "0.2.0-b" in table
    empty = {"hosts": {}, "words": ["HAProxy is not configured here yet"]}
    told = fleet_table(GROUPS, fleet(**{"door-1": {"hotpath_rotation": empty}, "door-2": {"hotpath_rotation": empty}}))
    assert "door-1, a balancer, knows no host: HAProxy is not configured here yet" in told and "unknown" in told
    old = {"hosts": {"a": standing("in"), "b": standing("in"), "gone": standing("down", "not ready")}, "words": []}
    assert fleet_rows(GROUPS, fleet(**{"door-1": {"hotpath_rotation": old}}))[-1]["host"] == "gone"


def asked(**states: str) -> dict[str, Any]:
    hosts = {name: {"state": state} for name, state in states.items()}
    return {"__rotation_asked": {"results": [{"unreachable": True}, {"hosts": hosts}]}}


def test_hosts_reboot_in_turns_of_the_allowed_share() -> None:
    names = ["a", "b", "c", "d", "new", "spare"]
    seen = asked(a="in", b="in", c="in", d="in", spare="out")
    hostvars = {name: seen for name in names}
    assert reboot_turns(names, hostvars, 0.5) == [["new", "spare"], ["a", "b"], ["c", "d"]]
    assert reboot_turns(names, hostvars, 0.1) == [["new", "spare"], ["a"], ["b"], ["c"], ["d"]]


def test_hosts_without_balancers_reboot_at_once() -> None:
    names = ["a", "b", "c"]
    assert reboot_turns(names, {name: {"__rotation_asked": {"results": []}} for name in names}, 0.1) == [names]
    assert reboot_turns(names, {name: {} for name in names}, 0.1) == [names]
    assert reboot_turns([], {}, 0.1) == []


def test_who_was_left_out_is_put_back_and_nobody_else() -> None:
    told: dict[str, Any] = {
        "results": [{"hosts": {"a": {"reasons": {"reboot": {}}}, "b": {"reasons": {"maintenance": {}}}}}]
    }
    assert left_out(told, "a", "reboot") and not left_out(told, "b", "reboot") and not left_out(told, "c", "reboot")
    assert not left_out({"results": []}, "a", "reboot")
