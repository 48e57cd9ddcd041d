"""A new source of sentence embeddings."""

from pathlib import Path

from hotpath.tasks.text.scaffold import TextScaffold

SCAFFOLD = TextScaffold("text-embedding", Path(__file__).parent / "template")
