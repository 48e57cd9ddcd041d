"""A new source of an image classifier: a network out of Python code, as TorchScript."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Optional

from PIL import Image

from hotpath.tasks.scaffold import Scaffold, copy, takes_no

_COLOURS = ("red", "green", "blue")
_SIDE = 256


class ClassifierScaffold(Scaffold):
    """Which colour a picture has most of."""

    def write(self, name: str, directory: Path, checkpoint: Optional[Path]) -> None:
        """Labels, probes and the network."""
        takes_no(checkpoint, "Leave --from out, and let network() in export.py read your checkpoint.")
        copy(Path(__file__).parent / "template", directory, name=name)
        (directory / "labels.txt").write_text("\n".join(_COLOURS) + "\n", encoding="utf-8")
        (directory / "probes").mkdir()
        for place, colour in enumerate(_COLOURS):
            _picture(place).save(str(directory / "probes" / f"{colour}.png"))
        runpy.run_path(str(directory / "export.py"), run_name="__main__")


def _picture(channel: int) -> Image.Image:
    """One channel from full to half, so that it looks different from place to place."""
    ramp = Image.linear_gradient("L").point(lambda value: 255 - value // 2)
    nothing = Image.new("L", (_SIDE, _SIDE))
    return Image.merge("RGB", [ramp if place == channel else nothing for place in range(3)])


SCAFFOLD = ClassifierScaffold()
