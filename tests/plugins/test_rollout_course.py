"""What one look of a rollout hands to the next, and the evidence that the judge gets of it."""

from __future__ import annotations

import json
from typing import Any

from hotpath_rollout.course import Course
from hotpath_rollout.evidence import Compared


def told(canary: int, others: int, hidden: int = 0, status: str = "UP") -> dict[str, Any]:
    """What a balancer says."""
    requests = {
        "gpu-a": {"statuses": {"200": canary}, "milliseconds": {"12": canary}},
        "gpu-b": {"statuses": {"200": others}, "milliseconds": {"11": others}},
        "<NOSRV>": {"statuses": {"429": 5}, "milliseconds": {}},
    }
    return {"requests": requests, "hidden": {"gpu-a": hidden, "gpu-b": 0}, "status": {"gpu-a": status, "gpu-b": "UP"}}


def pulse(host: str, processes: list[int], agree: int = 0, size: int = 1000) -> dict[str, Any]:
    compared = {"agree": agree, "differ": 1, "failed": 0} if host != "gpu-a" else {}
    return {"item": host, "processes": processes, "bytes": size, "compared": compared}


def kept(course: Course) -> Course:
    """As Ansible hands it to the next look."""
    return Course.read("gpu-a", json.loads(json.dumps(course.document())), 99.0)


def test_looks_of_several_balancers_add_up() -> None:
    course = Course.read("gpu-a", {}, 5.0)
    course.answered("door-a", told(10, 40, hidden=3))
    course.answered("door-b", told(1, 4))
    course.felt([pulse("gpu-a", [7, 8]), pulse("gpu-b", [3], agree=100), {"item": "gpu-c", "msg": "unreachable"}])
    course = kept(course)
    course.answered("door-a", told(20, 60, hidden=5))
    course.answered("door-b", told(0, 0))
    course.felt([pulse("gpu-a", [7, 8], size=3000), pulse("gpu-b", [3], agree=130)])
    seen = kept(course).evidence()
    assert (seen.canary.statuses, seen.canary.milliseconds) == ({200: 31, 0: 2}, {12: 31})
    assert seen.others.statuses == {200: 104}
    assert (seen.compared, seen.troubles) == (Compared(agreed=30), ())
    assert (seen.canary_bytes, seen.others_bytes) == ((1000, 3000), ((1000, 1000),))


def test_a_balancer_that_was_started_anew_counts_from_nothing() -> None:
    course = Course.read("gpu-a", {}, 5.0)
    course.answered("door-a", told(1, 1, hidden=9))
    course.answered("door-a", told(1, 1, hidden=2))
    assert course.evidence().canary.statuses[0] == 2


def test_a_process_that_has_ended_and_a_failing_health_check_are_trouble() -> None:
    course = Course.read("gpu-a", {}, 5.0)
    course.felt([pulse("gpu-a", [7, 8])])
    course = kept(course)
    course.felt([pulse("gpu-a", [7, 9])])
    assert course.evidence().troubles == ("1 of 2 processes of its service have ended",)
    course = Course.read("gpu-a", {}, 5.0)
    course.answered("door-a", told(1, 1, status="DOWN 1/2"))
    assert course.evidence().troubles == ("door-a finds it DOWN 1/2: its health checks fail",)


def test_hosts_that_can_not_compare_leave_it_out() -> None:
    course = Course.read("gpu-a", {}, 5.0)
    course.felt([{**pulse("gpu-b", [3]), "compared": {}}])
    assert course.evidence().compared is None
