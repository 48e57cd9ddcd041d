"""Names that follow from content: what is the same has the same name, and what has a name is complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FORMAT = "2"  # of the bundle; another number builds everything anew
KEY_LENGTH = 12


class BundleError(Exception):
    """What cannot be built, why, and the way out."""


@dataclass(frozen=True)
class Keys:
    """`dependencies` names the wheels of a lock for one Python, `release` these and the service's own code."""

    dependencies: str
    release: str
    version: str


def content_key(parts: Iterable[bytes]) -> str:
    """A short digest; the length of each part counts, so that parts cannot run into each other."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()[:KEY_LENGTH]


def service_sources(service: Path) -> list[Path]:
    """The files that the wheel of the service is built from."""
    sources = [path for path in (service / "src").rglob("*") if path.is_file()]
    kept = [path for path in sources if "__pycache__" not in path.parts and ".egg-info" not in str(path)]
    return [service / "pyproject.toml", *sorted(kept)]


def version_of(package: Path) -> str:
    """The version that the service's package states, read without importing it."""
    stated = re.search(r'^__version__ = "([^"]+)"', package.read_text(), re.MULTILINE)
    if stated is None:
        raise BundleError(f'{package} states no version: it wants a line __version__ = "X.Y.Z".')
    return stated[1]


def keys_of(service: Path, lock: Path, installer: Path, python: str) -> Keys:
    """The keys of a bundle; reads the service's sources and builds nothing.

    Raises BundleError when the service has no project file or the set has no lock.
    """
    project = service / "pyproject.toml"
    if not project.is_file():
        raise BundleError(f"{project} does not exist: {service} is no source tree of the service.")
    if not lock.is_file():
        known = ", ".join(sorted(path.name for path in lock.parent.glob("*-py*.txt"))) or "none"
        raise BundleError(
            f"No lock file {lock}: this set of packages is not locked for Python {python}. "
            f"There are: {known}. Choose stack_service among these, or lock the set with `make lock`."
        )
    version = version_of(service / "src" / "hotpath" / "__init__.py")
    dependencies = content_key([FORMAT.encode(), python.encode(), lock.read_bytes(), installer.read_bytes()])
    sources = service_sources(service)
    code = [part for path in sources for part in (str(path.relative_to(service)).encode(), path.read_bytes())]
    release = content_key([FORMAT.encode(), dependencies.encode(), *code])
    return Keys(dependencies=dependencies, release=f"{version}-{release}", version=version)
