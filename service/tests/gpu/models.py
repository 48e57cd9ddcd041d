"""The models that the checks are about: small ones, and real ones whose sources are on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Dict

from hotpath.building.build import build
from hotpath.core import HotpathError
from hotpath.models.built import BuiltModel, load

ROOT = Path(__file__).parents[3]
ASSEMBLED = ROOT / ".cache" / "model-source"
"""Where scripts/model_source.py leaves the sources of the models in service/models."""


def sources(room: Path) -> Dict[str, Callable[[], Path]]:
    """What writes each source, or where it lies."""
    from support import texts
    from support.numbers import FOUR, MEAN_LINES, MEANS, torch_source
    from support.resnets import seeded, write_source

    accepted = [{"text": text, "accept": texts.LABELS} for text in ("a dog", "the film is bad .")]
    mean = "{ outputs = { mean = 3.0 } }"
    found: Dict[str, Callable[[], Path]] = {
        "resnet50": lambda: write_source(room / "resnet50", seeded().state_dict(), 224),
        "sums": lambda: torch_source(room / "sums"),
        "means": lambda: torch_source(room / "means", MEANS, MEAN_LINES, body=FOUR, expect=mean),
        "embedding": lambda: texts.write_source(room / "embedding", texts.PROBES),
        "sentiment": lambda: texts.write_source(room / "sentiment", accepted, "text-classification"),
    }
    for path in sorted(ASSEMBLED.glob("*/model.toml")):
        found[path.parent.name] = lambda path=path: path.parent  # type: ignore[misc]
    return found


def build_all(room: Path) -> Dict[str, str]:
    """Build every model, in float32 for processors, which here nobody measures; what became of each."""
    told = {}
    shutil.rmtree(room / "sources", ignore_errors=True)
    for name, source in sources(room / "sources").items():
        try:
            model, _ = build(source(), room / "built" / name, "float32", exported=True)
            told[name] = model.exported.get("precision") or model.exported["reason"]
        except (HotpathError, ImportError) as error:
            told[name] = f"not built: {error}"
    return told


def built(room: Path) -> Dict[str, BuiltModel]:
    """Those that were built, by the name of their source."""
    return {path.parents[2].name: load(path.parent) for path in sorted(room.glob("built/*/*/*/model.json"))}
