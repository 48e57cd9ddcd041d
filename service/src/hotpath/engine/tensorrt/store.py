"""Engines beside their model: DIRECTORY/engines/<key>/record.json and one file for each batch size.

They are no part of the model's own digest: the same model has other engines on another GPU.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from hotpath.core import Refusal
from hotpath.engine.tensorrt.key import EngineKey
from hotpath.models.built import damaged_files, digest

ENGINES = "engines"
RECORD = "record.json"
REMEDY = (
    "Make them on this host: hotpath engines --config FILE; or, for a version that is not configured yet, "
    "hotpath build SOURCE --output DIR --tensorrt cuda:0."
)


@dataclass(frozen=True)
class Engines:
    """One stored set."""

    directory: Path
    files: Mapping[int, str]
    """Batch size -> file name."""
    cuda_graphs: bool

    def path(self, bucket: int) -> Path:
        """The file of one batch size."""
        return self.directory / self.files[bucket]


def find(model: Path, key: EngineKey) -> Engines:
    """The engines of exactly this key. Raises Refusal, which says what those that there are were made for."""
    record_path = model / ENGINES / key.name / RECORD
    if not record_path.is_file():
        found = [f"engines with {', '.join(key.differences(other))}" for other in _stored_keys(model)]
        there = f"there are only {'; '.join(found)}" if found else "there are none at all"
        raise Refusal(
            f"The model in {model} has no TensorRT engines for this GPU and stack: {there}.", REMEDY
        )
    record = json.loads(record_path.read_text(encoding="utf-8"))
    damaged = damaged_files(record_path.parent, record["sha256"])
    if damaged:
        raise Refusal(
            f"The TensorRT engines in {record_path.parent} are damaged: {'; '.join(damaged)}.", REMEDY
        )
    files = {int(size): str(name) for size, name in record["files"].items()}
    return Engines(record_path.parent, files, bool(record["cuda_graphs"]["captured"]))


@contextmanager
def replacing(model: Path, key: EngineKey) -> Iterator[Path]:
    """An empty directory that takes the place of the key's engines when the block ends well."""
    home = model / ENGINES
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{key.name}-", dir=home) as temporary:
        half = Path(temporary) / key.name
        half.mkdir()
        yield half
        shutil.rmtree(home / key.name, ignore_errors=True)
        half.rename(home / key.name)


def write_record(
    directory: Path, key: EngineKey, files: Mapping[int, str], graphs: Dict[str, Any], report: Dict[str, Any]
) -> None:
    """Describe the engines in `directory`: for whom they are, their digests, and how well they agree."""
    record = {
        "key": asdict(key),
        "files": {str(size): name for size, name in files.items()},
        "sha256": {name: digest(directory / name) for name in files.values()},
        "cuda_graphs": graphs,
        "agreement": report,
    }
    (directory / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _stored_keys(model: Path) -> List[Dict[str, str]]:
    records = sorted((model / ENGINES).glob(f"[!.]*/{RECORD}"))
    return [json.loads(path.read_text(encoding="utf-8"))["key"] for path in records]
