"""Who may leave the rotation, what a host's row at HAProxy says, and the record of why. HAProxy itself: tests/fleet."""

from __future__ import annotations

from pathlib import Path

import pytest
from rotation import DOWN, IN, OUT, Standing, objection, standing
from rotation_record import Reasons, Record, standby_hosts, told

FAN = {"why": "a fan is replaced", "by": "drain.yml of ops@controller", "at": "2030-01-01T10:00:00Z"}
OUT_FOR = {"maintenance": FAN}


def one(name: str, state: str = IN, reasons: Reasons | None = None) -> Standing:
    return Standing(name, "192.0.2.1:8000", state, told(reasons or {}), 0, 1, 0, 0, reasons or {})


def fleet(*states: str) -> list[Standing]:
    return [one(f"gpu-{number}", state) for number, state in enumerate(states, 1)]


@pytest.mark.parametrize(
    ("states", "at_most", "allowed"),
    [
        ([IN], 0.0, True),  # a fleet of one can be maintained too
        ([IN, IN, IN], 0.34, True),
        ([IN, OUT, IN], 0.34, False),
        ([IN, DOWN, IN], 0.34, False),  # one that is not ready is missed as much
        ([IN, OUT, IN], 0.67, True),
        ([IN, OUT, DOWN], 1.0, True),
        ([IN, IN, OUT, IN], 0.5, True),
        ([IN, IN, OUT, OUT], 0.5, False),
        ([OUT, OUT, OUT], 0.0, True),  # it is out already: nobody loses by it
        ([DOWN, OUT, OUT], 0.0, True),
        ([IN] * 10, 0.3, True),  # 0.3 * 10 is not quite 3
        ([IN] * 8 + [OUT] * 2, 0.3, True),
        ([IN] * 7 + [OUT] * 3, 0.3, False),
    ],
)
def test_no_more_than_the_share_may_be_out(states: list[str], at_most: float, allowed: bool) -> None:
    assert (objection(fleet(*states), "gpu-1", at_most) == "") == allowed


def test_spares_do_not_count() -> None:
    spare = one("spare", OUT, {"standby": FAN})
    assert objection([one("a"), one("b"), spare], "a", 0.5) == ""
    assert "of 2 hosts 1 may be out" in objection([one("a"), one("b", OUT, OUT_FOR), spare], "a", 0.5)
    # Nor does one lose a spare that is drained for maintenance as well.
    assert objection([one("a"), one("b", OUT, OUT_FOR), spare], "spare", 0.5) == ""


def test_a_refusal_names_who_is_out_and_why() -> None:
    refusal = objection([one("a"), one("b", OUT, OUT_FOR), one("c")], "a", 0.34)
    assert "of 3 hosts 1 may be out at once, a share of 0.34" in refusal
    assert "b (maintenance: a fan is replaced (drain.yml of ops@controller, 2030-01-01T10:00:00Z))" in refusal


def test_a_number_of_hosts_must_stay() -> None:
    assert objection(fleet(IN, IN, OUT), "gpu-1", 1.0, at_least=1) == ""
    assert "at least 1 others must stay in rotation, and 0 would" in objection(fleet(IN, OUT), "gpu-1", 1.0, at_least=1)
    assert objection(fleet(OUT, IN), "gpu-1", 1.0, at_least=2) == "", "it is out already"


@pytest.mark.parametrize(
    ("status", "check", "admin", "reasons", "state", "why"),
    [
        ("UP", "L7OK", 0, {}, IN, ""),
        ("UP 1/2", "* L7STS", 0, {}, IN, ""),
        ("no check", "", 0, {}, IN, ""),
        ("DOWN", "L4CON", 0, {}, DOWN, "not ready: L4CON Connection refused"),
        ("DRAIN", "L7OK", 8, OUT_FOR, OUT, "maintenance: a fan is replaced"),
        ("DOWN", "L4CON", 8, OUT_FOR, OUT, "not ready: L4CON Connection refused"),
        ("MAINT", "", 1, {}, OUT, "no reason is recorded"),
        ("UP", "L7OK", 0, OUT_FOR, IN, "is to be out, and is not yet: maintenance"),
    ],
)
def test_a_hosts_row_is_read(status: str, check: str, admin: int, reasons: Reasons, state: str, why: str) -> None:
    last = "Connection refused" if "L4CON" in check else ""
    row = {"addr": "192.0.2.1:8000", "status": status, "check_status": check, "last_chk": last, "lastchg": "7"}
    found = standing("gpu-1", {**row, "scur": "2", "weight": "1", "qcur": ""}, admin, reasons)
    assert (found.state, found.since_s, found.sessions, found.queued) == (state, 7, 2, 0)
    assert why in found.why and (why or not found.why)


def test_a_host_is_back_when_its_last_reason_is_gone() -> None:
    record = Record({}).with_reason("a", "maintenance", FAN).with_reason("a", "deploy", {**FAN, "why": "release 2"})
    assert set(record.reasons("a")) == {"maintenance", "deploy"}
    assert record.with_reason("a", "deploy", {**FAN, "why": "release 3"}) == record, "the first reason stays"
    assert set(record.without("a", ["deploy"]).reasons("a")) == {"maintenance"}
    assert record.without("a", ["deploy", "maintenance"]).reasons("a") == {}


def test_a_spare_is_out_until_it_is_asked_for() -> None:
    record = Record({}, ["spare"])
    assert set(record.reasons("spare")) == {"standby"} and record.reasons("a") == {}
    asked = record.without("spare", ["standby"])
    assert asked.reasons("spare") == {}
    assert set(record.with_reason("spare", "maintenance", FAN).reasons("spare")) == {"standby", "maintenance"}
    assert asked.only(["a"]).reasons("spare") != {}, "a host that left and came again stands by again"


def test_the_record_is_what_was_written(tmp_path: Path) -> None:
    path, record = tmp_path / "rotation.json", Record({}).with_reason("a", "maintenance", FAN)
    assert Record.read(str(path)) == Record({})
    path.write_text(record.text())
    assert Record.read(str(path)) == record
    for damage in (record.text()[:-5], "[]", '{"a": 1}'):
        path.write_text(damage)
        with pytest.raises(ValueError, match=r"rotation\.json can't be read .*: remove it"):
            Record.read(str(path))


def test_standby_hosts_stand_in_a_comment() -> None:
    assert standby_hosts("backend x\n    server a 1\n    # standby: b c\n\nglobal") == {"b", "c"}
    assert standby_hosts("backend x\n    # standby: \n") == frozenset()
