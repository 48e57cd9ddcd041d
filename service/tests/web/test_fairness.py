"""Places of several models."""

from __future__ import annotations

from typing import Dict, List, Tuple

from hypothesis import assume, given
from hypothesis import strategies as st

from hotpath.config import Config
from hotpath.http.fairness import kept_places, most_items, open_places


def config(queue: int, *places: int) -> Config:
    models = [{"name": f"m{index}", "path": "/m", "places": kept} for index, kept in enumerate(places)]
    return Config.model_validate({"limits": {"queue": queue}, "models": models})


def test_half_of_the_places_is_divided_evenly_and_what_is_stated_goes_first() -> None:
    assert kept_places(config(256, 0)) == {"m0": 0}
    assert kept_places(config(256, 0, 0)) == {"m0": 64, "m1": 64}
    assert kept_places(config(256, 100, 0)) == {"m0": 100, "m1": 78}


def test_a_lone_flood_leaves_the_others_theirs_and_takes_all_the_rest() -> None:
    kept = {"a": 10, "b": 20}
    assert open_places("a", 100, {"a": 0, "b": 0}, kept) == 80
    assert open_places("a", 20, {"a": 80, "b": 0}, kept) == 0
    assert open_places("b", 20, {"a": 80, "b": 0}, kept) == 20
    assert open_places("a", 75, {"a": 0, "b": 25}, kept) == 75


@given(
    kept=st.lists(st.integers(0, 8), min_size=2, max_size=4),
    arrivals=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=120),
)
def test_whatever_comes_a_model_below_its_part_finds_a_place(
    kept: List[int], arrivals: List[Tuple[int, bool]]
) -> None:
    names = [f"m{index}" for index in range(len(kept))]
    parts = dict(zip(names, kept))
    total = sum(kept) + 3
    inside: Dict[str, int] = dict.fromkeys(names, 0)
    for index, comes in arrivals:
        name = names[index % len(names)]
        if not comes:
            inside[name] = max(0, inside[name] - 1)
            continue
        free = total - sum(inside.values())
        may = open_places(name, free, inside, parts) > 0
        assert may or inside[name] >= parts[name]
        inside[name] += may
        assert sum(inside.values()) <= total


def test_a_request_may_bring_what_can_be_let_in_and_no_more() -> None:
    assert most_items(config(256, 0)) == {"m0": 8}
    assert most_items(config(4, 0)) == {"m0": 4}
    assert most_items(config(8, 0, 0)) == {"m0": 6, "m1": 6}
    assert most_items(config(8, 6, 1)) == {"m0": 7, "m1": 2}
    assert most_items(config(2, 2, 0)) == {"m0": 2, "m1": 1}


@given(queue=st.integers(2, 20), stated=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_the_most_items_find_places_in_an_empty_service(queue: int, stated: List[int]) -> None:
    assume(sum(stated) < queue)
    served = config(queue, *stated)
    kept = kept_places(served)
    nobody = dict.fromkeys(kept, 0)
    for model, most in most_items(served).items():
        # Each place is asked for by itself, while those before it are held.
        for held in range(most):
            assert open_places(model, queue - held, {**nobody, model: held}, kept) > 0
