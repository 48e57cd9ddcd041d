"""The scenarios in small: their long form is `make soak`."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from soak.casts import Cast, tiny
from soak.mixed import mixed
from soak.scenarios import bad_clients, endurance, faults, judge, overload
from soak.takers import takers

pytestmark = pytest.mark.one_python


def test_killed_engines_and_workers_lose_only_the_connections_of_a_killed_worker(tmp_path: Path) -> None:
    found = faults(tmp_path, kills=2, pause=0.5)

    assert judge("faults", found) == []
    assert found["right"] > 0
    assert found["restarts"] == {"engine": 2.0, "worker": 2.0}


def test_killed_takers_lose_nothing_of_what_they_decode_for_another(tmp_path: Path) -> None:
    found = takers(tmp_path, kills=3, pause=0.5)

    assert judge("takers", found) == []
    assert found["decoded_by_others"]["done"] > 0 < found["decoded_by_others"]["lost"]
    assert found["refused"] == {}


def test_a_flood_is_refused_in_part_and_what_is_answered_keeps_its_deadline(tmp_path: Path) -> None:
    found = overload(tmp_path, seconds=3.0)

    assert found["wrong"] == 0 and found["lost_connections"] == 0
    assert found["answered_after_deadline"] == 0
    assert found["right"] > 0
    assert found["refused"].get(429, 0) > 0


def test_every_request_of_a_long_run_is_answered(tmp_path: Path) -> None:
    found = endurance(tmp_path, count=500)

    assert judge("endurance", found) == []
    assert found["right"] >= 500
    assert found["refused"] == {}


def test_clients_that_vanish_or_trickle_hold_no_place(tmp_path: Path) -> None:
    found = bad_clients(tmp_path, count=40, seconds=6.0)

    assert judge("bad_clients", found) == []
    assert found["right"] > 0
    assert found["slots_left"] == 0


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    pytest.importorskip("torch", reason="this Python has no torch; the eager models need it")
    return tiny(tmp_path_factory.mktemp("cast"))


def test_models_of_three_tasks_answer_as_the_eager_ones_whatever_dies_or_is_swapped(
    cast: Cast, tmp_path: Path
) -> None:
    found = mixed(tmp_path, cast, kills=2, swaps=2, pause=0.5)

    assert judge("mixed", found) == []
    assert found["right"] > 0
    assert found["restarts"]["worker"] == 2.0
    assert sum(found["swaps"].values()) == 2


def test_an_answer_to_another_question_is_wrong(cast: Cast) -> None:
    for one, other in itertools.permutations(cast.questions, 2):
        if one.kind == other.kind and one.expected != other.expected:
            assert one.wrong(one.expected) == ""
            assert one.wrong(other.expected), one.kind
