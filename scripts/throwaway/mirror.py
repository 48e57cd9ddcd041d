"""The offline mirror: stub rpms in signed repositories laid out like the public ones, and faulty variants of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from .cache import CACHE, content_key, lock, say
from .catalog import DOUBLES, load_sources, load_streams
from .layout import Build, lay_out
from .rpms import build_rpms
from .signing import signers


def mirror_key() -> str:
    """Content key of everything the mirror is made from; the signing keys stay the same from mirror to mirror."""
    here = Path(__file__).parent
    code = [here / name for name in ("catalog.py", "layout.py", "rpms.py", "signing.py")]
    return content_key([*(DOUBLES / name for name in ("packages.toml", "streams.toml", "MIRROR.md", "files")), *code])


def ensure_mirror() -> Path:
    """Return the mirror's folder, built first when there is none for the present inputs."""
    target = CACHE / "mirror" / mirror_key()
    if target.is_dir():
        return target
    with lock("mirror"):
        if target.is_dir():
            return target
        say("Building the offline mirror of stub rpms")
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _build(partial)
        partial.rename(target)
        say(f"Mirror ready: {sum(1 for _ in target.rglob('*.rpm'))} rpms")
    return target


def _build(tree: Path) -> None:
    work = tree / "work"
    sources = load_sources()
    for source in sources:
        for build in source.builds:
            build_rpms(source, build, work / "rpms" / source.repository, work / "build" / f"{source.name}-{build}")
    say("Signing and indexing the mirror")
    with signers() as known:
        lay_out(Build(tree, work / "rpms", sources, load_streams(), known))
    shutil.copy(DOUBLES / "MIRROR.md", tree / "README.md")
    shutil.rmtree(work)
