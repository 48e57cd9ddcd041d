"""A swap step by step, on a stage without processes."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Set

import pytest
from support.classifying import described

from hotpath.config import Config
from hotpath.core import HotpathError, ModelIdentity
from hotpath.ipc.offers import State
from hotpath.models.built import BuiltModel
from hotpath.supervisor.generations import Busy, Generation, Generations
from hotpath.supervisor.placement import Placement
from hotpath.supervisor.suitable import unsuitable
from hotpath.supervisor.swap import SHADOW_PART, Comparison, Swap
from hotpath.supervisor.wishes import Wishes

CONFIG = Config.model_validate(
    {
        "models": [
            {"name": "m", "path": "/m", "devices": ["cuda:0", "cuda:1"]},
            {"name": "n", "path": "/n"},
        ]
    }
)

AT_ONCE = Wishes()


def model(version: str, name: str = "m", **preprocessing: int) -> BuiltModel:
    return described(Path("/m"), ModelIdentity(name, version), **preprocessing)


class Theatre:
    """A stage on which everything is as the test says."""

    def __init__(self, wishes: Wishes = AT_ONCE) -> None:
        self.generations = Generations(CONFIG, [model("v1"), model("v1", "n")], Placement({}, ()))
        self.old = self.generations.live("m")
        self.new = self.generations.begin(CONFIG.models[0], model("v2"))
        self.told: List[str] = []
        self.done: List[str] = []
        self.is_warm = self.is_followed = self.is_idle = self.is_gone = False
        self.comparison = Comparison(0, 0, 0)
        self.swap = Swap(self.generations, self.new, wishes, self, 30.0, self.told.append)
        self.swap.start(0.0)

    def play(self, now: float = 1.0, **facts: object) -> None:
        for name, value in facts.items():
            setattr(self, name, value)
        self.swap.step(now)

    def states(self) -> Dict[str, State]:
        return {item.version: item.state for item in self.generations.of("m")}

    def seat(self, generation: Generation) -> None:
        self.done.append(f"seat {generation.version}")

    def unseat(self, generation: Generation) -> None:
        self.done.append(f"unseat {generation.version}")

    def renew(self, generation: Generation) -> None:
        self.done.append(f"renew {generation.version}")

    def publish(self) -> None:
        self.generations.publish()

    def gone(self, generation: Generation) -> bool:
        return self.is_gone

    def warm(self, generation: Generation) -> bool:
        return self.is_warm

    def followed(self) -> bool:
        return self.is_followed

    def idle(self, generation: Generation) -> bool:
        return self.is_idle

    def compared(self, generation: Generation) -> Comparison:
        return self.comparison


def test_a_version_takes_over_when_it_is_warm_and_known_and_the_old_one_goes_when_it_is_idle() -> None:
    theatre = Theatre()
    theatre.play(is_warm=True)
    assert theatre.states() == {"v1": State.LIVE, "v2": State.LOADING}, "a worker has not heard of it yet"
    theatre.play(is_followed=True)
    assert theatre.states() == {"v1": State.DRAINING, "v2": State.LIVE}
    assert (theatre.old.share, theatre.new.share) == (0.0, 1.0)
    theatre.play()
    assert theatre.done == ["seat v2"], "the old one still has requests"
    theatre.play(is_idle=True)
    theatre.play()
    assert theatre.done == ["seat v2", "unseat v1"] and not theatre.swap.over
    theatre.play(is_gone=True)
    assert theatre.swap.over and theatre.swap.refused is None
    assert theatre.states() == {"v2": State.LIVE}


def test_one_that_is_not_warm_in_time_is_refused_and_answers_nothing() -> None:
    theatre = Theatre(Wishes(timeout_s=10.0))
    theatre.play(9.9)
    assert theatre.swap.refused is None
    theatre.play(10.0)
    assert theatre.swap.refused == "It was not warm within 10 s."
    theatre.play(is_followed=True, is_idle=True)
    theatre.play(is_gone=True)
    assert theatre.swap.over and theatre.states() == {"v1": State.LIVE}
    assert theatre.done == ["seat v2", "unseat v2"]


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (Comparison(49, 0, 0), State.SHADOW),
        (Comparison(49, 1, 0), State.LIVE),
        (Comparison(48, 1, 0), State.SHADOW),
        (Comparison(10, 2, 0), State.DRAINING),
        (Comparison(48, 1, 1), State.DRAINING),
    ],
)
def test_a_shadow_comes_in_when_enough_answers_agree(found: Comparison, state: State) -> None:
    theatre = Theatre(Wishes(shadow=50, agreement=0.98))
    theatre.play(is_warm=True, is_followed=True)
    assert (theatre.new.state, theatre.new.share, theatre.new.shadow) == (State.SHADOW, 0.0, SHADOW_PART)
    theatre.play(comparison=found)
    assert theatre.new.state is state
    assert theatre.old.state is (State.DRAINING if state is State.LIVE else State.LIVE)


def test_a_shadow_that_nobody_asks_is_refused_in_the_end() -> None:
    theatre = Theatre(Wishes(shadow=50, timeout_s=10.0))
    theatre.play(5.0, is_warm=True, is_followed=True, comparison=Comparison(3, 0, 0))
    theatre.play(14.9)
    assert theatre.swap.refused is None, "comparing has a time of its own"
    theatre.play(15.0)
    assert theatre.swap.refused == "Only 3 requests came by in 10 s."


def test_a_canary_waits_for_the_operator() -> None:
    theatre = Theatre(Wishes(canary=0.05))
    theatre.play(is_warm=True, is_followed=True)
    theatre.play(1e9)
    assert theatre.swap.is_canary
    assert (theatre.old.share, theatre.new.share) == (0.95, 0.05)
    theatre.swap.lead(0.5)
    assert (theatre.old.share, theatre.new.share) == (0.5, 0.5)
    theatre.swap.promote(1e9)
    assert theatre.states() == {"v1": State.DRAINING, "v2": State.LIVE}


def test_a_refused_canary_gives_its_share_back() -> None:
    theatre = Theatre(Wishes(canary=0.05))
    theatre.play(is_warm=True, is_followed=True)
    theatre.swap.refuse("Its engine was killed.", 2.0)
    assert (theatre.old.state, theatre.old.share) == (State.LIVE, 1.0)
    assert theatre.states() == {"v1": State.LIVE, "v2": State.DRAINING}


def test_what_took_over_is_not_refused_any_more() -> None:
    theatre = Theatre()
    theatre.play(is_warm=True, is_followed=True)
    theatre.swap.refuse("Its engine was killed.", 2.0)
    assert theatre.swap.refused is None and theatre.new.state is State.LIVE


def test_engines_that_do_not_finish_are_renewed_once_so_that_workers_settle_what_they_owe() -> None:
    theatre = Theatre()
    theatre.play(0.0, is_warm=True, is_followed=True)
    for now in (29.0, 30.0, 31.0, 90.0):
        theatre.play(now)
    assert theatre.done == ["seat v2", "renew v1"]
    theatre.play(91.0, is_idle=True)
    assert theatre.done[-1] == "unseat v1"


def test_lanes_and_seats_never_collide_and_are_used_again() -> None:
    theatre = Theatre()
    generations = theatre.generations
    assert generations.seats == 6 and generations.names == ["m", "n"]
    assert generations.seat_labels() == ["0/cuda:0", "1/cuda:1", "2/cpu", "3/cuda:0", "4/cuda:1", "5/cpu"]
    assert (theatre.old.seats, theatre.new.seats, generations.live("n").seats) == ((0, 1), (3, 4), (2,))
    taken: Set[int] = {seat for item in generations.all for seat in item.seats}
    assert len(taken) == 5
    with pytest.raises(Busy, match="Version v2 of m is still loading"):
        generations.begin(CONFIG.models[0], model("v3"))
    generations.promote(theatre.new)
    generations.remove(theatre.old)
    third = generations.begin(CONFIG.models[0], model("v3"))
    assert (third.seats, third.lane) == ((0, 1), theatre.old.lane)
    assert third.number > theatre.new.number


def test_only_new_versions_have_to_prove_themselves_for_the_first_ones_were_hashed_at_start() -> None:
    theatre = Theatre()
    assert [spec.prove for spec in theatre.old.specs] == [False, False]
    assert [spec.prove for spec in theatre.new.specs] == [True, True]
    assert theatre.generations.at(3) == (theatre.new, theatre.new.specs[0])
    assert theatre.generations.at(5) is None


def test_offers_follow_the_configurations_order_and_only_grow() -> None:
    theatre = Theatre()
    before = theatre.generations.current()
    assert [(item.model, item.version) for item in before.offers] == [("m", "v1"), ("m", "v2"), ("n", "v1")]
    assert theatre.generations.publish().number == before.number + 1


def test_an_unknown_model_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(HotpathError, match=r"no model 'x'.*Use one of: m, n"):
        Theatre().generations.of("x")


def test_what_does_not_fit_or_can_not_be_compared_is_known_beforehand() -> None:
    larger = model("v2", "n", height=8, resize_shorter=8)
    live = Theatre().generations.live("n")
    (reason,) = unsuitable(larger, live, Wishes(), slot_bytes=48)
    assert "8x4x3 needs slots of 96 bytes; those of this service have 48" in reason
    assert unsuitable(larger, live, Wishes(), slot_bytes=96) == []
    (reason,) = unsuitable(larger, live, Wishes(shadow=5), slot_bytes=96)
    assert "Swap without --shadow" in reason
