"""What can be asked for, and what a swap that fails leaves behind, with children that only note."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.classifying import described

from hotpath.codec import ImageSpec
from hotpath.config import Config
from hotpath.core import HotpathError, ModelError, ModelIdentity
from hotpath.ipc.arena import SlotClasses
from hotpath.ipc.offers import State
from hotpath.metrics.table import Table
from hotpath.models.built import load
from hotpath.supervisor.control import Caller
from hotpath.supervisor.crew import Crew
from hotpath.supervisor.generations import Generation, Generations
from hotpath.supervisor.placement import Placement
from hotpath.supervisor.swaps import Swaps
from hotpath.supervisor.wishes import Wishes, read_wishes
from hotpath.tasks import known

GOOD = {"height": 8, "width": 8, "resize_shorter": 8, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}


class StandIn:
    """In the place of a crew, and of its followers; `broken` names what fails."""

    classes = SlotClasses(1, (10**6,))

    def __init__(self, generations: Generations) -> None:
        self.generations = generations
        self.followers = self
        self.table = Table(1, generations.seat_labels(), 8, generations.names)
        self.broken = ""
        self.seated: List[str] = []

    def seat(self, generation: Generation) -> None:
        self.seated.append(generation.version)

    def unseat(self, generation: Generation) -> None:
        self.seated.remove(generation.version)

    def gone(self, generation: Generation) -> bool:
        return True

    def publish(self) -> None:
        self.generations.publish()
        self._fail("publish")

    def warm(self, generation: Generation) -> bool:
        self._fail("warm")
        return False

    def failure(self) -> str:
        return ""

    def catch_up(self) -> None:
        """All have."""

    def all_follow(self) -> bool:
        return True

    def all_without(self, number: int) -> bool:
        return True

    def _fail(self, what: str) -> None:
        if self.broken == what:
            raise ZeroDivisionError(f"{what} is broken")


class Desk:
    """The swaps of a service whose model m is live in version v1."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.config = Config.model_validate(
            {"models": [{"name": "m", "path": str(self.version("v1")), "backend": "numeric"}]}
        )
        self.generations = Generations(self.config, [load(room / "v1", verify=False)], Placement({}, ()))
        self.crew = StandIn(self.generations)
        self.swaps = Swaps(room / "config", self.config, self.generations, cast(Crew, self.crew))
        self.ended: List[str] = []

    def version(self, name: str, preprocessing: Optional[Dict[str, Any]] = None) -> Path:
        path = self.room / name
        path.mkdir()
        (path / "labels.txt").write_text("a\nb\n")
        description = {
            "format": 2,
            "name": "m",
            "version": name,
            "task": "image-classification",
            "architecture": "numeric",
            "labels": "labels.txt",
            "top_k": 1,
            "preprocessing": GOOD if preprocessing is None else preprocessing,
            "artifacts": {"numeric": "a.npz"},
            "probes": [],
            "files": {},
            "precision": {},
            "tolerance": {},
            "reference": [],
        }
        (path / "model.json").write_text(json.dumps(description))
        return path

    def ask(self, **question: Any) -> None:
        self.swaps.answer({"model": "m", **question}, cast(Caller, self))

    def swap(self, path: Path, **wishes: Any) -> None:
        self.ask(command="swap", path=str(path), wishes=wishes)

    def states(self) -> Dict[str, State]:
        return {item.version: item.state for item in self.generations.all}

    # What a caller is told.

    def tell(self, text: str) -> None:
        """Progress."""

    def end(self, ok: bool, text: str) -> None:
        self.ended.append(text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_version_whose_images_can_not_be_prepared_is_refused_and_leaves_the_lane_free(desk: Desk) -> None:
    with pytest.raises(ModelError, match=r"of its preprocessing, height is None, resize_shorter is None\."):
        desk.swap(desk.version("v2", {"width": 8}))
    assert desk.states() == {"v1": State.LIVE} and desk.crew.seated == []
    desk.swap(desk.version("v3"))
    assert desk.states() == {"v1": State.LIVE, "v3": State.LOADING}


def test_a_version_that_can_not_even_begin_to_load_leaves_nothing_behind(desk: Desk) -> None:
    path = desk.version("v2")
    desk.crew.broken = "publish"
    with pytest.raises(ZeroDivisionError):
        desk.swap(path)
    assert desk.states() == {"v1": State.LIVE} and desk.crew.seated == []
    desk.crew.broken = ""
    with pytest.raises(HotpathError, match="No new version of m is coming in"):
        desk.ask(command="abort")
    desk.swap(path)
    assert desk.states() == {"v1": State.LIVE, "v2": State.LOADING}


@pytest.mark.parametrize("also_broken", ["", "publish"])
def test_a_swap_that_fails_unforeseen_is_refused_and_the_service_goes_on(
    desk: Desk, caplog: pytest.LogCaptureFixture, also_broken: str
) -> None:
    desk.swap(desk.version("v2"))
    desk.crew.broken = "warm"
    desk.swaps.step()
    assert desk.states() == {"v1": State.LIVE, "v2": State.DRAINING}
    assert "ZeroDivisionError: warm is broken" in caplog.text and "Traceback" in caplog.text
    desk.crew.broken = also_broken
    for _ in range(3):
        desk.swaps.step()
    assert caplog.text.count("publish is broken") <= 2, "it is told once, with its traceback"
    desk.crew.broken = ""
    for _ in range(3):
        desk.swaps.step()
    assert desk.states() == {"v1": State.LIVE}
    assert desk.ended == ["m: refused v2: ZeroDivisionError: warm is broken. The service's log says where."]


@pytest.mark.parametrize(
    "wishes",
    [
        {"timeout_s": "x"},
        {"timeout_s": float("nan")},
        {"timeout_s": 0},
        {"timeout_s": None},
        {"shadow": "5"},
        {"shadow": -1},
        {"shadow": 1.5},
        {"shadow": True},
        {"agreement": "0.9"},
        {"agreement": 98},
        {"canary": [0.5]},
        {"canary": float("nan")},
        {"speed": 1},
    ],
)
def test_wishes_of_another_kind_are_refused_before_anything_is_done(
    desk: Desk, wishes: Dict[str, Any]
) -> None:
    with pytest.raises(HotpathError, match=next(iter(wishes))):
        desk.swap(desk.version("v2"), **wishes)
    assert desk.states() == {"v1": State.LIVE}


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_wishes_that_are_no_table_are_refused(document: Any) -> None:
    with pytest.raises(HotpathError, match="says not how to swap"):
        read_wishes(document)


def test_what_the_command_line_sends_is_read() -> None:
    assert read_wishes({}) == Wishes()
    assert read_wishes({"shadow": 200, "agreement": 1, "canary": 0.05, "timeout_s": 60}) == Wishes(
        200, 1.0, 0.05, 60.0
    )


SIZES = st.one_of(st.integers(-1, 300), st.sampled_from([None, "8", 8.0, True]))
PREPROCESSING = st.fixed_dictionaries(
    {},
    optional={
        "height": SIZES,
        "width": SIZES,
        "resize_shorter": SIZES,
        "interpolation": st.sampled_from(["bicubic", "bilinear", "nearest", None]),
        "crop": st.sampled_from(["center", "left", None]),
        "mean": st.just([0.0]),
        "colour": st.just("grey"),
    },
)


@given(PREPROCESSING)
def test_what_is_let_in_is_what_the_workers_can_prepare(preprocessing: Dict[str, Any]) -> None:
    model = described(Path("/m"), ModelIdentity("m", "1"))
    model = replace(model, document={**model.document, "preprocessing": preprocessing})
    try:
        known.outline(model)
    except ModelError:
        return
    ImageSpec.from_dict(preprocessing)
