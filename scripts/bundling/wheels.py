"""Wheels for the hosts' Python, taken by pip from its index or from a directory, each checked against the lock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bundling.archives import digest
from bundling.keys import BundleError

# The oldest tags first: EL8 has glibc 2.28.
PLATFORMS = ("manylinux1", "manylinux2010", "manylinux2014", "manylinux_2_17", "manylinux_2_28")


@dataclass(frozen=True)
class Source:
    """Where pip finds wheels. With a `directory` it asks no index at all."""

    interpreter: str
    directory: Path | None
    torch_wheels: str

    def arguments(self) -> list[str]:
        """The options that name these places to pip."""
        if self.directory is not None:
            return ["--no-index", "--find-links", str(self.directory)]
        return ["--find-links", self.torch_wheels] if self.torch_wheels else []

    def pip(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run pip; its standard output and error come back as text."""
        command = [self.interpreter, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )

    def place(self) -> str:
        """These places, in words for a message."""
        return str(self.directory) if self.directory is not None else "pip's index"


def target_arguments(python: str) -> list[str]:
    """Options that make pip choose wheels for another Python than the one that runs it."""
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return []
    platforms = [part for name in PLATFORMS for part in ("--platform", f"{name}_x86_64")]
    abis = ["--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none"]
    return ["--python-version", python, "--implementation", "cp", *platforms, *abis]


def cpu_constraint(lock: Path, folder: Path) -> list[str]:
    """Options that make pip take torch's CPU build and no other.

    The lock allows PyPI's CUDA build as well, and pip prefers it to a wheel in a directory, because an index states
    digests and a directory does not. It weighs gigabytes and is unusable without its libraries.
    """
    locked = re.search(r"^torch==[^ \\+]+", lock.read_text(), re.MULTILINE)
    if locked is None:
        return []
    constraint = folder / "constraints.txt"
    constraint.write_text(f"{locked[0]}+cpu\n")
    return ["--constraint", str(constraint)]


TORCH_REMEDY = (
    " Set service_bundle_torch_wheels to a directory or a page of wheels with torch's CPU build"
    " (PyTorch publishes https://download.pytorch.org/whl/cpu/torch/)."
)


def download(source: Source, lock: Path, python: str, target: Path, options: Sequence[str] = ()) -> None:
    """Fetch every wheel that the lock names into `target`, each checked against the lock's digests."""
    done = source.pip(
        "download",
        "--progress-bar=off",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        *target_arguments(python),
        *source.arguments(),
        *options,
        "--dest",
        str(target),
        "--requirement",
        str(lock),
    )
    if done.returncode != 0:
        raise BundleError(explain(done.stderr, lock, source))


def explain(stderr: str, lock: Path, source: Source) -> str:
    """The cause of a failed download and what to do about it."""
    if "DO NOT MATCH THE HASHES" in stderr:
        package = re.search(r"^\s+(\S+==\S+) from (\S+)", stderr, re.MULTILINE)
        name = f"{package[1]} ({package[2].rstrip(':')})" if package else "A wheel"
        found = re.search(r"Got\s+([0-9a-f]{64})", stderr)
        return (
            f"{name} has another sha256 than {lock.name} allows (found {found[1] if found else 'unknown'}): "
            f"the file is damaged or is not the one that was tested. Replace it in {source.place()}; "
            "if a new build is wanted, lock it with `make lock` and review the difference."
        )
    if re.search(r"No matching distribution found for torch==\S+\+cpu", stderr):
        return f"pip finds no CPU build of torch in {source.place()}.{TORCH_REMEDY}"
    return (
        f"pip could not get the wheels of {lock.name} from {source.place()}: {last_error(stderr)}. Check that this "
        "machine reaches its index, or set service_bundle_wheels to a directory that holds every wheel of the lock."
    )


def last_error(stderr: str) -> str:
    """pip's own last word."""
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return (errors or stderr.strip().splitlines() or ["pip said nothing"])[-1].rstrip(". ")


def build(source: Source, service: Path, tools: Path, target: Path) -> Path:
    """Build the service's own wheel into `target` with the build tools that were unpacked into `tools`."""
    done = source.pip(
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(target),
        str(service),
        environment={"PYTHONPATH": str(tools), "SOURCE_DATE_EPOCH": "315532800"},
    )
    if done.returncode != 0:
        raise BundleError(f"The wheel of {service} cannot be built: {last_error(done.stderr)}\n{done.stderr[-2000:]}")
    return next(target.glob("hotpath-*.whl"))


def requirement(wheel: Path) -> str:
    """The line that lets pip install exactly this file and no other."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{digest(wheel)}"


def unpacked_bytes(wheel: Path) -> int:
    """What a wheel takes on disk once it is installed, bytecode included (about half of the Python sources again)."""
    with zipfile.ZipFile(wheel) as content:
        members = content.infolist()
    sources = sum(member.file_size for member in members if member.filename.endswith(".py"))
    return sum(member.file_size for member in members) + sources
