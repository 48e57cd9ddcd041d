"""A new source of a model of texts: somebody's encoder, copied and described."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Optional

from hotpath.core import Refusal
from hotpath.models.source import DESCRIPTION
from hotpath.tasks.scaffold import Scaffold, copy
from hotpath.tasks.text.checkpoint import TOKENIZER, WEIGHTS, Checkpoint, read


class TextScaffold(Scaffold):
    """One task's: `template` is what it adds to what all of them have, `settings` lines of model.toml."""

    def __init__(self, task: str, template: Path, settings: str = "") -> None:
        self._words = {"task": task, "settings": settings}
        self._template = template

    def write(self, name: str, directory: Path, checkpoint: Optional[Path]) -> None:
        """Weights, tokenizer and probes."""
        if checkpoint is None:
            raise Refusal(
                "A model of texts begins with an encoder that somebody has trained.",
                f"Give --from DIR, a directory with config.json, {TOKENIZER} and {WEIGHTS}.",
            )
        found = read(checkpoint)
        for file in (TOKENIZER, WEIGHTS):
            shutil.copyfile(checkpoint / file, directory / file)
        words = {
            **self._words,
            "name": name,
            "width": str(found.width),
            "heads": str(found.heads),
            "pooling": found.pooling,
            "max_length": str(found.max_length),
        }
        copy(Path(__file__).parent / "template", directory, **words)
        common = (directory / DESCRIPTION).read_text(encoding="utf-8")
        copy(self._template, directory, **words)
        own = (directory / DESCRIPTION).read_text(encoding="utf-8")
        (directory / DESCRIPTION).write_text(common + own, encoding="utf-8")
        self.finish(directory, found)

    def finish(self, directory: Path, checkpoint: Checkpoint) -> None:
        """What is made of the files once they are there."""
