"""A new source of an object detector: a network out of Python code, as TorchScript."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Optional

from PIL import Image

from hotpath.tasks.scaffold import Scaffold, copy, takes_no

_COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
_PICTURES = {
    "two": ((400, 240), {"red": (40, 60, 200, 120), "blue": (260, 30, 300, 210)}),
    "one": ((300, 400), {"green": (30, 20, 250, 380)}),
}
"""Sizes, and what lies where; model.toml says it too."""


class DetectorScaffold(Scaffold):
    """Where red, green and blue rectangles are."""

    def write(self, name: str, directory: Path, checkpoint: Optional[Path]) -> None:
        """Labels, probes and the network."""
        takes_no(checkpoint, "Leave --from out, and let network() in export.py read your checkpoint.")
        copy(Path(__file__).parent / "template", directory, name=name)
        (directory / "labels.txt").write_text("\n".join(_COLOURS) + "\n", encoding="utf-8")
        (directory / "probes").mkdir()
        for file, (size, things) in _PICTURES.items():
            picture = Image.new("RGB", size, (60, 60, 60))
            for colour, box in things.items():
                picture.paste(_COLOURS[colour], box)
            picture.save(str(directory / "probes" / f"{file}.png"))
        runpy.run_path(str(directory / "export.py"), run_name="__main__")


SCAFFOLD = DetectorScaffold()
