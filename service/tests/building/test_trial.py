"""What a source's own tests ask is what the service would be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.colours import picture
from support.colours import write_source as colours
from support.numbers import SUM, letters, write_source

from hotpath.building.trial import trial
from hotpath.core import InputError, ModelError


def test_json_text_and_pictures_are_asked_as_they_are_sent(tmp_path: Path) -> None:
    sums = trial(write_source(tmp_path / "sums"), tmp_path)
    wanted = {"outputs": {"sum": [8.0, 6.0], "above": [False, True]}}
    assert sums.ask({"inputs": {"a": [1, 2], "b": [3, 1]}}) == wanted
    assert sums.ask('{"inputs": {"a": [1, 2], "b": [3, 1]}}') == wanted
    assert trial(letters(tmp_path / "letters"), tmp_path).ask("Hannah", "text/plain") == {"letter": "a"}
    found = trial(colours(tmp_path / "colours"), tmp_path, "numeric").ask(picture("blue"), "image/png")
    assert (found["label"], found["top_k"][0]["label"]) == ("blue", "blue")


def test_what_the_service_refuses_is_refused(tmp_path: Path) -> None:
    model = trial(write_source(tmp_path / "source"), tmp_path)
    with pytest.raises(InputError, match="takes no 'text/plain'") as caught:
        model.ask("1", "text/plain")
    assert caught.value.status == 415
    with pytest.raises(InputError, match="'b' is missing"):
        model.ask({"inputs": {"a": [1, 2]}})
    with pytest.raises(ModelError, match=r"weights\.npy is missing"):
        (tmp_path / "source" / "weights.npy").unlink()
        trial(tmp_path / "source", tmp_path)


OWN = (
    SUM
    + """
import json
from hotpath.tasks.own import OwnTask


class Task(OwnTask):
    def read(self, body, kind, options):
        more = float(options.get("more", 0))
        return [(numpy.float32(pair) + numpy.float32(more), numpy.float32(pair)) for pair in json.loads(body)]

    def describe(self, outputs):
        return {"sum": DESCRIBED}
"""
)


def test_a_list_goes_in_several_batches_and_options_are_told(tmp_path: Path) -> None:
    code = OWN.replace("DESCRIBED", "outputs[0].tolist()")
    written = write_source(tmp_path / "source", code, b"[[1, 2]]", "{ sum = [4, 8] }")
    found = trial(written, tmp_path).ask([[number, 0] for number in range(20)], more="1")
    assert [one["sum"] for one in found["answers"]] == [[4 * number + 2, 2] for number in range(20)]


def test_an_answer_that_no_json_can_hold_is_found(tmp_path: Path) -> None:
    code = OWN.replace("DESCRIBED", "outputs[0][0]")
    written = write_source(tmp_path / "source", code, b"[[1, 2]]", "{ sum = 4 }")
    with pytest.raises((TypeError, ModelError)):
        trial(written, tmp_path).ask([[1, 2]])
