"""Makes head.safetensors: a layer that tells the sentiment of a sentence about a film by its embedding.

The sentences are those of Hutto and Gilbert, VADER (ICWSM 2014), some 10,600 out of reviews, each rated by
twenty people from -4 to 4; the source distribution of the package vaderSentiment (MIT) holds them. Run in
service/, for four minutes on two processors:

    pip download --no-deps --no-binary :all: vaderSentiment==3.3.2
    python ../scripts/model_source.py models/minilm_l6 --output MINILM
    PYTHONPATH=src python models/movie_sentiment/train.py MINILM vaderSentiment-3.3.2.tar.gz

Writes training.json too, which says how right it is about sentences that it has not seen. The strength of the
penalty is chosen by a part of the others.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Dict, List, Tuple

import torch
from torch import Tensor

from hotpath.tasks.text import heads, weights
from hotpath.tasks.text.heads import accuracy
from hotpath.tasks.text.tokens import Tokens

LABELS = ("negative", "positive")
RATINGS = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
MEMBER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
SEED, HELD_OUT, CHOOSING = 20140601, 2000, 1500
PENALTIES = (1e-2, 1e-3, 3e-4, 1e-4, 1e-5)
CLEAR = 1.0
"""A rating so far from zero is one that people agree about."""
BOUND, HEADS, WIDTH = 256, 12, 384


def sentences(sdist: Path) -> Tuple[List[str], Tensor]:
    """The sentences and their mean ratings, those apart that people found neither good nor bad."""
    content = sdist.read_bytes()
    if hashlib.sha256(content).hexdigest() != RATINGS:
        raise SystemExit(f"{sdist} is not the source distribution of vaderSentiment 3.3.2")
    with tarfile.open(fileobj=io.BytesIO(content)) as outer:
        inner = outer.extractfile(INNER)
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            lines = [line.split("\t", 2) for line in member.read().decode("utf-8").splitlines()]
    rated = [(text, float(rating)) for _, rating, text in lines if float(rating) and text.strip()]
    return [text for text, _ in rated], torch.tensor([rating for _, rating in rated])


def embeddings(minilm: Path, texts: List[str]) -> Tensor:
    """float32 (texts, WIDTH), of length one."""
    encoder = weights.encoder(minilm / "model.safetensors", WIDTH, HEADS, "mean")
    return heads.embeddings(encoder, Tokens(minilm / "tokenizer.json", BOUND, cuts=True), texts)


def fit(inputs: Tensor, right: Tensor, penalty: float) -> Dict[str, Tensor]:
    """The layer for these labels."""
    return heads.fit(inputs, right, len(LABELS), penalty)


def train(inputs: Tensor, ratings: Tensor) -> Tuple[Dict[str, Tensor], Dict[str, object]]:
    """The head, and the report."""
    inputs, right = inputs.double(), (ratings > 0).long()
    order = torch.randperm(len(right), generator=torch.Generator().manual_seed(SEED))
    held, others = order[:HELD_OUT], order[HELD_OUT:]
    choosing, rest = others[:CHOOSING], others[CHOOSING:]
    tried = {
        penalty: accuracy(fit(inputs[rest], right[rest], penalty), inputs[choosing], right[choosing])
        for penalty in PENALTIES
    }
    penalty = max(tried, key=lambda one: tried[one])
    layer = fit(inputs[others], right[others], penalty)
    clear = held[ratings[held].abs() >= CLEAR]
    return layer, {
        "sentences": len(right),
        "seed": SEED,
        "penalty": penalty,
        "tried": {str(one): value for one, value in tried.items()},
        "trained_on": len(others),
        "accuracy_trained": accuracy(layer, inputs[others], right[others]),
        "held_out": len(held),
        "accuracy_held_out": accuracy(layer, inputs[held], right[held]),
        "majority_held_out": round(max(float((right[held] == n).double().mean()) for n in (0, 1)), 4),
        "clear_held_out": len(clear),
        "accuracy_clear_held_out": accuracy(layer, inputs[clear], right[clear]),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "minilm", type=Path, metavar="MINILM", help="the assembled source of models/minilm_l6"
    )
    parser.add_argument("ratings", type=Path, metavar="SDIST", help="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR")
    options = parser.parse_args()
    texts, ratings = sentences(options.ratings)
    layer, report = train(embeddings(options.minilm, texts), ratings)
    heads.write(layer, options.output / "head.safetensors")
    (options.output / "training.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
