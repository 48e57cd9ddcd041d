"""The benches' photographs: the model's own probes in the wanted sizes, as JPEG of quality 90.

Runs in the tools' environment: PHOTOGRAPHS.PY PROBES OUTPUT.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import List, Tuple

from PIL import Image

SIZES = {"500": (500, 375), "1920": (1920, 1280)}
QUALITY = 90


def make(probes: Path, output: Path, size: Tuple[int, int]) -> List[Path]:
    """Write each probe as a JPEG of exactly `size` (its middle, where the shape differs); the files."""
    output.mkdir(parents=True, exist_ok=True)
    made = []
    for probe in sorted(probes.iterdir()):
        target = output / f"{probe.stem}.jpg"
        if not target.exists():
            target.write_bytes(_shaped(Image.open(probe).convert("RGB"), size))
        made.append(target)
    return made


def _shaped(image: Image.Image, size: Tuple[int, int]) -> bytes:
    scale = max(size[0] / image.width, size[1] / image.height)
    whole = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (whole.width - size[0]) // 2, (whole.height - size[1]) // 2
    file = io.BytesIO()
    whole.crop((left, top, left + size[0], top + size[1])).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


if __name__ == "__main__":
    for name, size in SIZES.items():
        make(Path(sys.argv[1]), Path(sys.argv[2]) / name, size)
