"""A form that is wrong where the eager model is right may not serve, however seldom that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from support.colours import COLOURS, write_source

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from hotpath.building.reading import read  # noqa: E402
from hotpath.building.report import as_text  # noqa: E402
from hotpath.tasks.classification import precision as precisions  # noqa: E402
from hotpath.tasks.classification.agreement import probabilities  # noqa: E402
from hotpath.tasks.classification.judging import Judge  # noqa: E402
from hotpath.tasks.classification.source import ClassifierSource  # noqa: E402
from hotpath.tasks.trials import Trial  # noqa: E402

RED, GREEN, BLUE = 0, 1, 2
VIEWS_EACH, CROPS_EACH = 12, 12

Answer = Callable[[Any], int]


def form(answer: Answer, sure: float = 0.9) -> Any:
    """A form that gives the class of `answer(picture)` the probability `sure`."""

    def run(batch: Any) -> Any:
        scores = torch.full((len(batch), len(COLOURS)), (1 - sure) / (len(COLOURS) - 1))
        for row, picture in zip(scores, batch):
            row[answer(picture)] = sure
        ranked = scores.sort(dim=1, descending=True)
        return ranked.values, ranked.indices

    return run


def colour(picture: Any) -> int:
    return RED if int(picture[..., 0].float().mean()) > int(picture[..., 2].float().mean()) else BLUE


@pytest.fixture
def source(tmp_path: Path) -> ClassifierSource:
    found = read(write_source(tmp_path / "source"))
    assert isinstance(found, ClassifierSource)
    return found


@pytest.fixture
def judge(source: ClassifierSource, tmp_path: Path) -> Judge:
    return Judge(source, tmp_path / "source", form(colour))


def answers(judge: Judge, answer: Answer) -> Any:
    return probabilities(form(answer), judge.pictures)


def test_one_lost_view_is_a_refusal_that_names_it(judge: Judge) -> None:
    found = answers(judge, colour)
    found[VIEWS_EACH + 1] = found[VIEWS_EACH + 1].roll(GREEN - BLUE)  # the second view of the second probe
    result = judge.judge("int8", found)
    assert result.agreement.decided_same_top1 > 0.97
    assert result.lost == ["takes probes/blue.png, 40 x 30, quality 75, for 'green'"]
    assert result.refusal == f"it {result.lost[0]}, and the eager model does not"
    assert result.document()["verdicts_lost"] == 1


def test_many_lost_views_are_counted(judge: Judge) -> None:
    result = judge.judge("bfloat16", answers(judge, lambda picture: RED))
    assert len(result.lost) == VIEWS_EACH
    assert result.refusal.count("takes probes/blue.png") == 3
    assert ", and 9 more, and the eager model does not" in result.refusal


def test_what_the_eager_model_is_wrong_about_is_no_verdict(source: ClassifierSource, tmp_path: Path) -> None:
    judge = Judge(source, tmp_path / "source", form(lambda picture: GREEN, sure=0.2))
    assert judge.document() == {"views": 2 * VIEWS_EACH, "eager_right": 0}
    assert judge.judge("int8", answers(judge, lambda picture: RED)).lost == []


def test_another_right_label_is_the_same_verdict(source: ClassifierSource, tmp_path: Path) -> None:
    probes = [probe.model_copy(update={"accept": ["blue", "green", "red"]}) for probe in source.probes]
    lenient = source.model_copy(update={"probes": probes})
    judge = Judge(lenient, tmp_path / "source", form(colour))
    assert judge.judge("int8", answers(judge, lambda picture: GREEN)).lost == []


def test_every_picture_is_known_by_its_photograph(judge: Judge) -> None:
    assert len(judge.pictures) == len(judge.photographs) == 2 * (VIEWS_EACH + CROPS_EACH)
    for picture, photograph in zip(judge.pictures, judge.photographs.tolist()):
        assert colour(picture) == (RED, BLUE)[photograph]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> List[Trial]:
    """The trials that `choose` finds, in the place of those that it would make."""
    trials: List[Trial] = []

    class Trials:
        def __init__(self, source: ClassifierSource, directory: Path, classes: int) -> None:
            self.judge = Judge(source, directory, form(colour))

        def run(self, asked: Any) -> List[Trial]:
            return trials

        def lowered(self, precision: str) -> Any:
            return Saved()

    monkeypatch.setattr(precisions, "_Trials", Trials)
    return trials


class Saved:
    def save(self, path: Path) -> None:
        path.touch()


def test_the_fastest_form_that_lost_nothing_is_taken_and_the_rest_is_told(
    source: ClassifierSource, judge: Judge, tried: List[Trial], tmp_path: Path
) -> None:
    kept = judge.judge("bfloat16", answers(judge, colour))
    lost = judge.judge("int8", answers(judge, lambda picture: RED))
    tried += [
        Trial("float32", "", judge.judge("float32", answers(judge, colour)), None, 12.0),
        Trial("bfloat16", "", kept, None, 6.0),
        Trial("int8", lost.refusal, lost, kept, 3.0),
    ]
    report = precisions.choose(source, tmp_path / "source", len(COLOURS), tmp_path / "onednn.pt")
    assert report["chosen"] == "bfloat16"
    text = as_text(document(source, report))
    assert "right about 24 of 24 views" in text
    assert "Given up: int8, which takes 50% of bfloat16's time, because it takes probes/blue.png" in text
    assert text.count("Given up") == 1
    assert "held out" in text


def document(source: ClassifierSource, precision: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "name": source.name,
        "version": "1",
        "task": source.task,
        "architecture": source.architecture,
        "built_with": {"python": "3"},
        "tolerance": source.tolerance.model_dump(),
        "check": {"batch_sizes": [1], "largest_difference": {"eager": 0.0}},
        "precision": precision,
    }
