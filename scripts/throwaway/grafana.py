"""An archive of Grafana's layout with a test double in it, for throwaway monitors: Grafana can't be had here."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

from .cache import CACHE, content_key, lock
from .catalog import DOUBLES

DOUBLE = DOUBLES / "monitors"
NAME = "grafana-double"


def ensure_archive() -> Path:
    """The archive, made anew only when what is in it changed, since a digest of it is what a monitor is named by."""
    with lock("grafana"):
        archive = _place()
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            part = archive.with_suffix(".part")
            part.write_bytes(_packed())
            os.replace(part, archive)
    return archive


def archive_variables() -> dict[str, str]:
    """Where the archive lies, and its digest, as the role asks for them; nothing before it is made."""
    archive = _place()
    if not archive.exists():
        return {}
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return {"grafana_archive": str(archive), "grafana_archive_sha256": digest}


def _place() -> Path:
    return CACHE / "grafana" / f"{content_key([DOUBLE, Path(__file__)])}.tar.gz"


def _packed() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(DOUBLE / "grafana-server", f"{NAME}/bin/grafana-server")
        archive.add(DOUBLE / "defaults.ini", f"{NAME}/conf/defaults.ini")
        public = tarfile.TarInfo(f"{NAME}/public")
        public.type, public.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(public)
    return packed.getvalue()
