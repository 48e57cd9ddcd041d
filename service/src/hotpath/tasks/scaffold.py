"""What `hotpath new` asks of a task: the files of a source that builds, for people to put their own into."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Optional

from typing_extensions import Protocol

from hotpath.core import Refusal


class Scaffold(Protocol):
    """Sources of one task."""

    def write(self, name: str, directory: Path, checkpoint: Optional[Path]) -> None:
        """Write a source of that name into an empty directory; digests in its model.toml may be empty.

        `checkpoint` is what somebody else's weights lie in. Raises ModelError, Refusal, or ImportError where
        torch can't be had.
        """


def copy(template: Path, directory: Path, **words: str) -> None:
    """Every file of a template, with the words in the place of $word.

    A template's files end in .txt, which is taken off: as they lie here, no tool is to take them for ours.
    """
    for path in sorted(template.iterdir()):
        text = Template(path.read_text(encoding="utf-8")).substitute(words)
        (directory / path.stem).write_text(text, encoding="utf-8")


def takes_no(checkpoint: Optional[Path], remedy: str) -> None:
    """Raises Refusal where there is a checkpoint."""
    if checkpoint is not None:
        raise Refusal(f"This task takes nothing from a checkpoint: --from {checkpoint}.", remedy)
