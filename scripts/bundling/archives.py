"""Tar archives that depend on nothing but the content of their files, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Archive:
    """An archive as a host is told of it; `installed_bytes` is the disk space that its content takes."""

    path: str
    sha256: str
    bytes: int
    installed_bytes: int

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Archive:
        return cls(**values)

    def is_there(self) -> bool:
        """Whether the file has its full length. Hosts compare the digest, which takes longer, before they use it."""
        path = Path(self.path)
        return path.is_file() and path.stat().st_size == self.bytes


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def pack(files: Mapping[str, Path], target: Path, installed_bytes: int | None = None) -> Archive:
    """Write `target` with each file under its name; the same content gives the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(files):
                with files[name].open("rb") as content:
                    member = tarfile.TarInfo(name)
                    member.size = files[name].stat().st_size
                    member.mode = 0o644
                    tar.addfile(member, content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    total = sum(path.stat().st_size for path in files.values())
    return Archive(
        path=str(target),
        sha256=digest(target),
        bytes=target.stat().st_size,
        installed_bytes=total if installed_bytes is None else installed_bytes,
    )
