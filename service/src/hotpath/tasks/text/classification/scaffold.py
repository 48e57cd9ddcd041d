"""A new source of a text classifier: an encoder, and a head that examples make."""

from __future__ import annotations

import logging
from pathlib import Path

from hotpath.tasks.text.checkpoint import Checkpoint
from hotpath.tasks.text.scaffold import TextScaffold

_SETTINGS = """labels = ["negative", "positive"] # in the order of the head's rows
top_k = 2                         # best labels in an answer, at most
"""

log = logging.getLogger(__name__)


class TextClassifierScaffold(TextScaffold):
    """The sentiment of a few sentences."""

    def finish(self, directory: Path, checkpoint: Checkpoint) -> None:
        """The head."""
        if any(name.startswith("classifier.") for name in checkpoint.tensors):
            log.warning(
                "the checkpoint's own classifier is not taken over, because what stands before it is not a "
                "plain embedding; train.py makes another one"
            )
        from hotpath.tasks.text.heads import train

        train(directory, "examples.tsv")


SCAFFOLD = TextClassifierScaffold("text-classification", Path(__file__).parent / "template", _SETTINGS)
