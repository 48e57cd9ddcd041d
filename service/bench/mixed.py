"""The detector's photographs: every probe in several sizes, odd ones too, lying as cameras leave them.

Runs in the tools' environment: MIXED.PY OUTPUT PROBES...
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageOps

LONGER = (401, 640, 1281, 1919)
QUALITY = 90
_ORIENTATION = 0x0112
_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What an upright photograph becomes as a file that an EXIF orientation of that number is to turn."""


def lying(photograph: Image.Image, turn: int) -> Image.Image:
    """An upright photograph as a camera stores it that says so."""
    stored = photograph.transpose(_BACK[turn]) if turn in _BACK else photograph.copy()
    stored.getexif()[_ORIENTATION] = turn
    return stored


def make(probes: list[Path], output: Path) -> None:
    """Each photograph in each size; every second lies on its side or its head, in all eight ways in turn."""
    output.mkdir(parents=True, exist_ok=True)
    number = 0
    for probe in sorted({path.stem: path for path in probes}.values()):
        for longer in LONGER:
            turn = number // 2 % 8 + 1 if number % 2 else 1
            upright = ImageOps.contain(Image.open(probe).convert("RGB"), (longer, longer))
            stored = lying(upright, turn)
            target = output / f"{number:02}-{probe.stem}-{longer}-turn{turn}.jpg"
            stored.save(target, "JPEG", quality=QUALITY, exif=stored.getexif())
            number += 1


if __name__ == "__main__":
    make([path for folder in sys.argv[2:] for path in Path(folder).iterdir()], Path(sys.argv[1]))
