"""Models of three tasks that are served together, and what is asked of them."""

from __future__ import annotations

import io
import itertools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

from PIL import Image
from support import numbers, texts
from support.colours import COLOURS, picture, write_source

from hotpath.building.build import build
from hotpath.models.built import BuiltModel
from soak.asking import JSON, embeddings, infer, predict, predict_then, rerank
from soak.eager import Eager
from soak.questions import Question

PNG, JPEG = "image/png", "image/jpeg"
WORDS = "the train coast leaves at noon whales are large animals while rain falls"


@dataclass(frozen=True)
class Cast:
    """Who plays, by which back end, and what the audience asks."""

    models: Sequence[Tuple[BuiltModel, str]]
    questions: Sequence[Question]


def tiny(room: Path) -> Cast:
    """Models that are loaded within a moment: of colours, of texts, of tensors."""
    colours = build(write_source(room / "colours"), room / "models")[0]
    words = build(texts.write_source(room / "words", texts.PROBES), room / "models")[0]
    sums = build(numbers.write_source(room / "sums"), room / "models")[0]
    said = ["a dog", "good film .", "the cat is bad", "dogs", "a good dog is a good film"]
    questions = [
        *_classified(Eager(colours), [(picture(colour), PNG) for colour in COLOURS]),
        *_embedded(Eager(words), said),
        *(
            predict(Eager(sums), "tensors", numbers.body(a=[a, 2 * a], b=[b, 1]), JSON)
            for a, b in itertools.product(range(3), repeat=2)
        ),
    ]
    return Cast([(colours, "numeric"), (words, "torchscript"), (sums, "numeric")], questions)


def real() -> Cast:
    """EfficientNet-Lite0, MiniLM-L6 and NanoDet-g."""
    from support.published import built

    classifier, encoder, detector = (
        Eager(built(name)) for name in ("efficientnet_lite0", "minilm_l6", "nanodet_g")
    )
    said = [_words(count) for count in (2, 5, 9, 14, 30, 60, 120, 220)]
    seen = _photographs(detector)
    questions = [
        *_classified(classifier, _photographs(classifier)),
        *_embedded(encoder, said),
        *(predict(detector, "objects", *photograph) for photograph in seen),
        *(predict(detector, "objects", *photograph, threshold="0.3") for photograph in seen),
        *(predict_then(detector, classifier, "objects, then classes", *photograph) for photograph in seen),
        *(
            infer(detector, f"objects, {form}", [body for body, _ in pair], form == "binary")
            for pair in itertools.permutations(seen[:3], 2)
            for form in ("JSON", "binary")
        ),
    ]
    models = [(one.model, "torchscript") for one in (classifier, encoder, detector)]
    return Cast(models, questions)


def _classified(eager: Eager, sent: Sequence[Tuple[bytes, str]]) -> List[Question]:
    return [
        *(predict(eager, "pictures", *one) for one in sent),
        *(
            infer(eager, f"pictures, {form}", [body for body, _ in several], form == "binary")
            for several in (sent[:1], sent[1:3], sent[2:6])
            for form in ("JSON", "binary")
        ),
    ]


def _embedded(eager: Eager, said: Sequence[str]) -> List[Question]:
    several = [said[:2], said[1:4], [*said[2:], *said], list(reversed(said))]
    return [
        *(predict(eager, "texts", text.encode(), "text/plain") for text in said),
        *(
            embeddings(eager, f"texts, /v1 {form}", some, form)
            for some in [*several, said[:1], said[-1:]]
            for form in ("float", "base64")
        ),
        *(rerank(eager, "texts, ranked", text, said) for text in said[:3]),
        *(
            infer(eager, f"texts, {form}", [text.encode() for text in some], form == "binary")
            for some in (said[:1], said[1:4])
            for form in ("JSON", "binary")
        ),
    ]


def _photographs(eager: Eager) -> List[Tuple[bytes, str]]:
    """The probes as they are and as smaller JPEGs, without those that the task can't compare by."""
    found = []
    for probe in eager.model.document["probes"]:
        body = eager.model.read(probe["file"])
        image = Image.open(io.BytesIO(body)).convert("RGB")
        image.thumbnail((400, 400))
        smaller = io.BytesIO()
        image.save(smaller, "JPEG", quality=85)
        whole = PNG if probe["file"].endswith("png") else JPEG
        found += [(body, whole), (smaller.getvalue(), JPEG)]
    return [one for one in found if _is_comparable(eager, *one)]


def _is_comparable(eager: Eager, body: bytes, content: str) -> bool:
    """Whether it says anything for sure; of what does not, the task says that it proves nothing."""
    question = predict(eager, "", body, content)
    return not question.wrong(question.expected)


def _words(count: int) -> str:
    return " ".join(random.Random(count).choices(WORDS.split(), k=count))
