"""The Debian base of the look-alike image, made with mmdebstrap from the machine's own package sources."""

from __future__ import annotations

import os
from pathlib import Path

from .cache import CACHE, PROJECT, Failure, content_key, lock, run, run_narrated, say
from .engine import image_exists

SUITE = "bookworm"
SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security", f"{SUITE}/updates"}
BASE_NAME = "localhost/hotpath-el8-lookalike-base"
PACKAGES = PROJECT / "molecule" / "images" / "lookalike" / "packages.txt"
# Nobody reads manuals on a throwaway host; without them the image is a third smaller.
OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--components=main",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
# Python's packages compile themselves when they are installed. What the caller says of bytecode would send it to a
# folder of the caller's inside the image, and every host would then write its own at first use.
COMMAND = ("env", "--unset=PYTHONDONTWRITEBYTECODE", "--unset=PYTHONPYCACHEPREFIX", "mmdebstrap", *OPTIONS)


def base_name() -> str:
    """Name of the base image that belongs to the present package list and way of making it, built or not."""
    return f"{BASE_NAME}:{content_key([PACKAGES], SUITE, *COMMAND)}"


def ensure_base() -> str:
    """Return the name of the base image, built first when there is none for the present inputs."""
    name = base_name()
    with lock("base-image"):
        if not image_exists(name):
            _build_base(name, CACHE / "image" / f"base-{name.rpartition(':')[2]}.tar")
    return name


def _build_base(name: str, archive: Path) -> None:
    if os.geteuid() != 0:
        raise Failure("Building the look-alike image needs root (mmdebstrap --mode=root): run it with sudo")
    archive.parent.mkdir(parents=True, exist_ok=True)
    sources = write_sources(archive.parent)
    say("Building the Debian base of the look-alike image (1-2 minutes, once)")
    try:
        include = ",".join(package_list())
        run_narrated([*COMMAND, f"--include={include}", SUITE, archive, *sources], prefix="I: ")
        say("  importing it into podman")
        run(["podman", "import", "--quiet", archive, name])
    finally:
        archive.unlink(missing_ok=True)


def package_list() -> list[str]:
    """The Debian packages that the image holds."""
    lines = (line.partition("#")[0] for line in PACKAGES.read_text().splitlines())
    return [word for line in lines for word in line.split()]


def write_sources(folder: Path, apt: Path = Path("/etc/apt")) -> list[Path]:
    """Copy what the machine's apt sources say about Debian 12 into a folder, and nothing else that they name."""
    written = []
    for name, text in {"debian.sources": stanzas(apt), "debian.list": one_liners(apt)}.items():
        if text:
            path = folder / name
            path.write_text(text)
            written.append(path)
    if not written:
        raise Failure(
            f"The apt sources of this machine name no Debian {SUITE}; the look-alike image is built from it. "
            f"Add a source of {SUITE} under /etc/apt/sources.list.d/, or name a ready image in HOTPATH_HOST_IMAGE"
        )
    return written


def stanzas(apt: Path) -> str:
    """The deb822 stanzas of Debian 12."""
    kept = []
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        for stanza in path.read_text().split("\n\n"):
            lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
            fields = dict(line.split(":", 1) for line in lines if ":" in line and not line[0].isspace())
            suites = set(fields.get("Suites", "").split())
            if suites and suites <= SUITES and "deb" in fields.get("Types", "").split():
                kept.append("\n".join(lines) + "\n")
    return "\n".join(kept)


def one_liners(apt: Path) -> str:
    """The one-line entries of Debian 12."""
    kept = []
    for path in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            words = line.split("]")[-1].split() if "[" in line else line.split()[1:]
            if line.startswith("deb ") and len(words) > 1 and words[1] in SUITES:
                kept.append(line + "\n")
    return "".join(kept)
