"""Who joins and who leaves: what holds whatever is measured, and each rule by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from autoscaler.policy import Decision, Host, Policy, Reading, Settings, State
from hypothesis import given
from hypothesis import strategies as st

NAMES = tuple(f"gpu-{number}" for number in range(1, 9))
SETTINGS = Settings(minimum=2, maximum=6)
LOOK_S = 15.0


def fleet(serving: int, capacity: float = 100.0, **others: Any) -> tuple[Host, ...]:
    """Hosts of which the first ones serve; `others` are states by name, with underscores for dashes."""
    hosts = [Host(name, State.SERVING if at < serving else State.STANDBY, capacity) for at, name in enumerate(NAMES)]
    return tuple(host._replace(state=others.get(host.name.replace("-", "_"), host.state)) for host in hosts)


def look(policy: Policy, now: float, demand: float, hosts: tuple[Host, ...], held: str = "") -> Decision:
    return policy.decide(now, Reading(now, demand, hosts), held)


def seen_long(policy: Policy, demand: float, hosts: tuple[Host, ...]) -> float:
    """Show it one load for as long as it looks back; the time afterwards."""
    now = 0.0
    while now <= SETTINGS.look_back_s:
        look(policy, now, demand, hosts)
        now += LOOK_S
    return now


def test_as_many_as_are_missing_join_at_once() -> None:
    decision = look(Policy(SETTINGS), 0, 340, fleet(2))
    assert decision.join == ("gpu-3", "gpu-4", "gpu-5")  # 340 / 0.7 = 486, and 10 % of it may be missing
    assert decision.needed == pytest.approx(340 / 0.7)
    assert "2 hosts carry 200 images/s, 486 are needed: too few" in decision.reason


def test_what_is_within_the_tolerance_changes_nothing() -> None:
    assert look(Policy(SETTINGS), 0, 150, fleet(2)).join == ()  # 214 needed, 200 there
    assert look(Policy(SETTINGS), 0, 160, fleet(2)).join == ("gpu-3",)  # 229


def test_a_host_that_starts_carries_nothing_and_is_not_asked_for_twice() -> None:
    policy = Policy(SETTINGS)
    assert look(policy, 0, 200, fleet(2)).join == ("gpu-3",)
    again = look(policy, 15, 200, fleet(2, gpu_3=State.STARTING))
    assert again.join == () and "2 hosts carry 200" in again.reason and "gpu-3 is on its way" in again.reason
    assert look(policy, 30, 340, fleet(2, gpu_3=State.STARTING)).join == ("gpu-4", "gpu-5")


def test_one_that_does_not_come_in_time_is_replaced_and_left_alone() -> None:
    policy = Policy(SETTINGS)
    look(policy, 0, 200, fleet(2))
    assert look(policy, 60, 200, fleet(2)).join == ()
    assert look(policy, 75, 200, fleet(2)).join == ("gpu-4",)
    assert policy.failed == ("gpu-3",)
    served = fleet(2, gpu_4=State.SERVING)
    assert look(policy, 90, 300, served).join == ("gpu-5",)
    look(policy, 75 + SETTINGS.failed_s + 15, 200, served)
    assert "gpu-3" not in policy.failed


def test_a_cold_host_is_given_longer_and_is_asked_last() -> None:
    hosts = (*fleet(2)[:2], Host("cold", State.STANDBY, None, tier=2), Host("warm", State.STANDBY, 100.0))
    policy = Policy(SETTINGS)
    assert look(policy, 0, 200, hosts).join == ("warm",)
    assert look(policy, 15, 290, hosts).join == ("cold",)
    assert look(policy, 15 + 61, 290, hosts).join == () and policy.failed == ("warm",)
    look(policy, 15 + 901, 290, hosts)
    assert "cold" in policy.failed


def test_a_lost_host_is_replaced() -> None:
    assert look(Policy(SETTINGS), 0, 200, fleet(3, gpu_1=State.LOST)).join == ("gpu-4",)


def test_one_that_somebody_holds_back_stays_away() -> None:
    assert look(Policy(SETTINGS), 0, 200, fleet(2, gpu_3=State.HELD)).join == ("gpu-4",)


def test_hosts_leave_one_at_a_time_by_the_highest_need_of_the_time_before() -> None:
    policy = Policy(SETTINGS)
    now = seen_long(policy, 200, fleet(5))
    first = look(policy, now, 100, fleet(5))
    assert first.leave == ()  # 286 was needed until now; it takes four, and one of five has left already
    policy = Policy(SETTINGS)
    now = seen_long(policy, 100, fleet(5))
    left = seen_by_policy = 0
    serving = 5
    while serving > 2:
        decision = look(policy, now, 100, fleet(serving))
        seen_by_policy += 1
        assert len(decision.leave) <= 1
        serving -= len(decision.leave)
        left += len(decision.leave)
        now += LOOK_S
    assert left == 3 and seen_by_policy > 2 * SETTINGS.pause_s / LOOK_S


def test_a_policy_that_has_just_begun_lets_nobody_go() -> None:
    decision = look(Policy(SETTINGS), 0, 10, fleet(5))
    assert decision.leave == () and "too short a time" in decision.reason


def test_the_weakest_leaves_and_the_strongest_joins() -> None:
    uneven = tuple(host._replace(capacity=50.0 + 10 * at) for at, host in enumerate(fleet(3)))
    assert look(Policy(SETTINGS), 0, 150, uneven).join == ("gpu-8",)
    policy = Policy(SETTINGS)
    assert look(policy, seen_long(policy, 50, uneven) + SETTINGS.pause_s, 50, uneven).leave == ("gpu-1",)


def test_only_spare_hosts_leave() -> None:
    settings = SETTINGS._replace(minimum=1, look_back_s=0.0)
    hosts = tuple(host._replace(spare=host.name == "gpu-3") for host in fleet(3))
    assert look(Policy(settings), 0, 10, hosts).leave == ("gpu-3",)
    assert look(Policy(settings), 0, 10, fleet(2)[:1] + hosts[1:2]).leave == ("gpu-1",)
    assert "no spare host" in look(Policy(settings), 0, 10, hosts[:2]).reason


def test_spares_are_kept_for_what_may_be_lost() -> None:
    assert look(Policy(SETTINGS._replace(spares=1)), 0, 150, fleet(2)).join == ("gpu-3",)


@pytest.mark.parametrize("age", [None, 61.0])
def test_nothing_or_something_old_holds_the_fleet_and_the_time_to_leave_begins_anew(age: float | None) -> None:
    policy = Policy(SETTINGS)
    now = seen_long(policy, 100, fleet(5))
    blind = policy.decide(now, None if age is None else Reading(now - age, 900, fleet(5)))
    assert blind.join == blind.leave == () and blind.needed is None and "stays as it is" in blind.reason
    assert look(policy, now + LOOK_S, 100, fleet(5)).leave == ()


def test_a_host_without_figures_holds_the_fleet_and_is_named() -> None:
    hosts = (fleet(3)[0]._replace(capacity=None), *fleet(3)[1:])
    decision = look(Policy(SETTINGS), 0, 900, hosts)
    assert decision.join == () and "no recent figures of gpu-1" in decision.reason


def test_another_reason_to_hold_is_another_kind_of_decision_and_other_figures_are_not() -> None:
    policy = Policy(SETTINGS)
    old, older = (policy.decide(now, Reading(0, 10, fleet(2))) for now in (70, 85))
    unknown = look(policy, 100, 10, fleet(2, capacity=None))  # type: ignore[arg-type]
    assert old.reason != older.reason and old.kind == older.kind
    assert unknown.kind != old.kind


def test_a_word_of_the_operator_holds_it() -> None:
    decision = look(Policy(SETTINGS), 0, 900, fleet(2), held="maintenance")
    assert decision.join == () and decision.reason == "maintenance"


def test_the_maximum_is_said_and_kept() -> None:
    decision = look(Policy(SETTINGS), 0, 9000, fleet(2))
    assert len(decision.join) == 4
    full = look(Policy(SETTINGS), 0, 9000, fleet(6))
    assert full.join == () and "the maximum of 6 is reached" in full.reason


def test_where_nothing_was_ever_measured_the_minimum_comes_first() -> None:
    dark = tuple(host._replace(capacity=None) for host in fleet(0))
    assert len(look(Policy(SETTINGS), 0, 500, dark).join) == 2


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.booleans(), st.sampled_from(NAMES)), min_size=1, max_size=120),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_whatever_happens(events: list[tuple[float, bool, str]], minimum: int, spares: int) -> None:
    """Hosts that come and are lost under any load, with and without data: the bounds hold, nobody is asked twice."""
    settings = Settings(minimum, 6, spares)
    policy = Policy(settings)
    states = dict.fromkeys(NAMES, State.STANDBY)
    left_at = [-settings.pause_s]
    for at, (demand, measured, lost) in enumerate(events):
        now = at * LOOK_S
        for name in NAMES:
            if states[name] in (State.STARTING, State.LEAVING):
                states[name] = State.SERVING if states[name] is State.STARTING else State.STANDBY
        if demand > 950:
            states[lost] = State.LOST
        hosts = tuple(Host(name, state, 100.0) for name, state in states.items())
        decision = policy.decide(now, Reading(now, demand, hosts) if measured else None)
        assert (decision.needed is not None) is measured
        if not measured:
            assert decision.join == decision.leave == ()
        assert all(states[name] is State.STANDBY for name in decision.join)
        assert all(states[name] is State.SERVING for name in decision.leave) and len(decision.leave) <= 1
        assert not (decision.join and decision.leave)
        for name in decision.join:
            states[name] = State.STARTING
        for name in decision.leave:
            states[name] = State.LEAVING
            left_at.append(now)
        present = sum(state in (State.SERVING, State.STARTING) for state in states.values())
        assert present <= settings.maximum
        if decision.leave:
            assert present >= settings.minimum
    assert all(later - earlier >= settings.pause_s for earlier, later in pairwise(left_at))
