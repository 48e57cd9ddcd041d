"""Which version answers: by name, by version, by share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import List, Sequence, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.classifying import described

from hotpath.core import ModelError, ModelIdentity
from hotpath.http.catalogue import Catalogue
from hotpath.http.errors import Problem
from hotpath.ipc.offers import Offer, Offers, State
from hotpath.models.built import BuiltModel


def describe(offer: Offer) -> BuiltModel:
    if offer.path == "/gone":
        raise ModelError("it is gone.", "Build it.")
    identity = ModelIdentity(offer.model, offer.version)
    return described(Path(offer.path), identity)


def offer(generation: int, state: State = State.LIVE, share: float = 1.0, model: str = "m") -> Offer:
    seats, devices = (generation,), ("cpu",)
    version = f"v{generation}"
    return Offer(generation, model, version, "/m", "numeric", generation, seats, devices, state, share)


def catalogue(*offers: Offer, number: int = 1, cold: Sequence[int] = ()) -> Catalogue:
    return Catalogue(Offers(number, offers), lambda seats: seats[0] not in cold, describe)


def chosen(found: Catalogue, times: int) -> List[str]:
    return [found.choose("m").offer.version for _ in range(times)]


@given(share=st.floats(0.0, 1.0), times=st.integers(1, 400))
def test_of_any_number_of_requests_a_canary_gets_its_share_give_or_take_one(share: float, times: int) -> None:
    found = catalogue(offer(1, share=1.0 - share), offer(2, State.CANARY, share))
    assert abs(Counter(chosen(found, times))["v2"] - share * times) <= 1.0


@pytest.mark.parametrize(("cold", "expected"), [((1,), {"v2"}), ((2,), {"v1"}), ((1, 2), {"v1"})])
def test_a_version_whose_engine_is_away_is_passed_over(cold: Sequence[int], expected: Set[str]) -> None:
    found = catalogue(offer(1, share=0.5), offer(2, State.CANARY, 0.5), cold=cold)
    assert set(chosen(found, 6)) == expected


def test_a_named_version_is_the_one_that_answers_whatever_the_shares_say() -> None:
    found = catalogue(offer(1), offer(2, State.CANARY, 0.0))
    assert {found.choose("m", "v2").offer.generation for _ in range(5)} == {2}
    with pytest.raises(Problem, match="no version 'v3'") as caught:
        found.choose("m", "v3")
    assert caught.value.remedy == "Ask for 'v1', 'v2', or leave the version out."


@pytest.mark.parametrize("state", [State.LOADING, State.SHADOW, State.DRAINING])
def test_what_is_loading_compared_or_draining_answers_nothing(state: State) -> None:
    found = catalogue(offer(1), offer(2, state, 0.0))
    assert set(chosen(found, 5)) == {"v1"}
    with pytest.raises(Problem):
        found.choose("m", "v2")


def test_the_first_model_is_the_default_and_an_unknown_one_is_named() -> None:
    found = catalogue(offer(1), offer(2, model="n"))
    assert found.names == ["m", "n"]
    with pytest.raises(Problem, match="no model 'x'") as caught:
        found.find("x")
    assert caught.value.remedy == "Ask for one of: m, n."


def test_a_shadow_gets_its_part_of_the_live_ones_requests_and_of_no_others() -> None:
    found = catalogue(offer(1), replace(offer(2, State.SHADOW, 0.0), shadow=0.25))
    live = found.find("m")
    copies = [found.shadow_of(live) for _ in range(8)]
    assert [copy.offer.generation for copy in copies if copy] == [2, 2]
    assert found.shadow_of(found.served[2]) is None


def test_requests_keep_the_version_they_began_with_and_hold_it() -> None:
    found = catalogue(offer(1), offer(2, State.LOADING, 0.0))
    before = found.choose("m")
    with before.held():
        found.apply(Offers(2, (offer(1, State.DRAINING, 0.0), offer(2))))
        assert found.choose("m").offer.version == "v2"
        assert before.offer.state is State.DRAINING
        assert found.held(lambda seats: False) == (1,)
    assert found.held(lambda seats: 1 in seats) == (1,)
    assert found.held(lambda seats: False) == ()


def test_older_offers_are_passed_over_and_ones_that_cannot_be_read_change_nothing() -> None:
    found = catalogue(offer(1), number=5)
    found.apply(Offers(4, (offer(9),)))
    with pytest.raises(ModelError):
        found.apply(Offers(6, (offer(1, State.DRAINING), replace(offer(2), path="/gone"))))
    assert (found.number, chosen(found, 1), found.find("m").offer.state) == (5, ["v1"], State.LIVE)


def test_offers_travel_as_they_are() -> None:
    offers = Offers(3, (offer(1), offer(2, State.CANARY, 0.05)))
    assert Offers.decode(offers.encode()) == offers


def test_a_body_on_its_way_keeps_what_was_chosen_for_as_long_as_that_takes_requests() -> None:
    found = catalogue(offer(1, share=0.5), offer(2, State.CANARY, 0.5))
    chosen_ones = [found.choose("m") for _ in range(2)]
    assert [found.again(served) for served in chosen_ones] == chosen_ones


@pytest.mark.parametrize("left", [(offer(1, State.DRAINING),), ()], ids=["it drains", "it is gone"])
def test_what_left_while_a_body_came_is_followed_by_what_is_live(left: Sequence[Offer]) -> None:
    found = catalogue(offer(1))
    before = found.choose("m")
    found.apply(Offers(2, (*left, offer(2))))
    assert found.again(before).offer.version == "v2"
    with pytest.raises(Problem, match="no version 'v1'"):
        found.again(before, "v1")
