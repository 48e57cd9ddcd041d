"""How models of texts are built, except for what each task adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple, TypeVar

from hotpath.core import ModelError
from hotpath.tasks import known
from hotpath.tasks.recipe import Recipe, importing_torch, unfinished
from hotpath.tasks.text.source import TextSource
from hotpath.tasks.text.telling import TELLING
from hotpath.tasks.text.tokens import Tokens

S = TypeVar("S", bound=TextSource)


class TextRecipe(Recipe[S]):
    """Scripted for every back end of torch; in bfloat16 for processors where that is faster and agrees."""

    telling = TELLING

    def describe(self, source: S) -> Dict[str, Any]:
        """Tokenizer, encoder, lengths and probes."""
        return {
            "tokenizer": source.tokenizer.file,
            "encoder": source.encoder.model_dump(),
            "max_length": source.max_length,
            "lengths": source.buckets,
            "too_long": source.too_long,
            **self.describe_more(source),
        }

    def describe_more(self, source: S) -> Dict[str, Any]:
        """What of it is the task's own: its probes at least."""
        raise NotImplementedError

    def is_decided(self, answer: bytes) -> bool:
        """Whether the eager model's answer to a text is one that every form has to give."""
        return True

    def check(self, source: S, directory: Path) -> None:
        """The tokenizer can be read, and no probe is too long."""
        tokens = Tokens(directory / source.tokenizer.file, source.max_length, cuts=True)
        for probe in self.describe_more(source)["probes"]:
            if tokens(probe["text"]).is_cut:
                raise ModelError(
                    f"The probe {probe['text'][:40]!r} of {source.name} has more than {source.max_length} "
                    "tokens.",
                    "Shorten it, or raise max_length.",
                )

    def make(self, source: S, directory: Path) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """Forms for eager, torchscript and, where bfloat16 pays, onednn."""
        with importing_torch(source):
            from hotpath.tasks.text import forms, precision
        model = unfinished(self, source, directory)
        eager = known.networks(model).eager(model)
        _check_sizes(source, Tokens(directory / source.tokenizer.file, source.max_length, True), eager)
        forms.script(eager, directory / "model.pt")
        artifacts = {"torchscript": "model.pt", **model.artifacts}
        report = precision.choose(model, source.precision, self.is_decided, directory / "onednn.pt")
        if report["chosen"]:
            artifacts["onednn"] = "onednn.pt"
        return artifacts, report


def _check_sizes(source: TextSource, tokens: Tokens, network: Any) -> None:
    """Tokenizer and lengths fit the encoder. Raises ModelError."""
    encoder = network.encoder
    for what, needed, there in (
        ("tokens of its tokenizer", tokens.size, encoder.tokens.num_embeddings),
        ("tokens of a text", source.max_length, encoder.positions.num_embeddings),
    ):
        if needed > there:
            raise ModelError(
                f"The encoder of {source.name} knows {there} of the {needed} {what}.",
                "Correct tokenizer, weights or max_length in model.toml.",
            )
