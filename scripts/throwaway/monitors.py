"""Debian's own Prometheus, Alertmanager and node exporter for throwaway monitors and the tests of rules.

They are unpacked beside the checkout's other things: nothing is installed on this machine, and nothing is started.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from .cache import CACHE, content_key, lock, need_programs, run, say

PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
# As the projects themselves name the archives and what is in them.
ARCHIVES = {
    "prometheus": {"prometheus": "prometheus", "promtool": "promtool"},
    "alertmanager": {"alertmanager": "prometheus-alertmanager", "amtool": "amtool"},
    "node_exporter": {"node_exporter": "prometheus-node-exporter"},
}
FOLDER = CACHE / "monitors"
# Debian's Alertmanager reads its own templates here, which the project's has inside.
SHARED = "/usr/share/prometheus"


def ensure_programs() -> Path:
    """The folder with the programs and, of each of ARCHIVES, an archive as its project publishes it; made once."""
    with lock("monitors"):
        if not _is_complete():
            need_programs({"apt-get": "apt", "dpkg-deb": "dpkg"})
            say("Fetching Debian's Prometheus, Alertmanager and node exporter (34 MB, once)")
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir(parents=True)
            with tempfile.TemporaryDirectory(dir=FOLDER) as place:
                _unpack(Path(place))
            (FOLDER / ".complete").write_text(content_key([Path(__file__)]))
    return FOLDER


def shared_volume() -> str:
    """What a host's container needs beside the programs, as an option of podman."""
    return f"{FOLDER / 'share'}:{SHARED}:ro"


def _is_complete() -> bool:
    mark = FOLDER / ".complete"
    return mark.exists() and mark.read_text() == content_key([Path(__file__)])


def archive_variables() -> dict[str, str]:
    """Where the archives lie, and their digests, as the roles ask for them; nothing before they are made."""
    roles = {
        "prometheus": "prometheus_archive",
        "alertmanager": "prometheus_alertmanager_archive",
        "node_exporter": "node_metrics_archive",
    }
    made = {variable: FOLDER / f"{name}.tar.gz" for name, variable in roles.items()}
    there = {variable: path for variable, path in made.items() if _is_complete()}
    digests = {f"{variable}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for variable, path in there.items()}
    return {variable: str(path) for variable, path in there.items()} | digests


def _unpack(place: Path) -> None:
    # apt writes into the folder that it is started in, as a user of its own where it may.
    place.chmod(0o777)
    run(["env", "-C", place, "apt-get", "download", "-q", *PACKAGES])
    for package in place.glob("*.deb"):
        run(["dpkg-deb", "-x", package, place / "root"])
    os.replace(place / "root" / SHARED[1:], FOLDER / "share")
    for name, programs in ARCHIVES.items():
        for program, debians in programs.items():
            os.replace(place / "root" / "usr" / "bin" / debians, FOLDER / program)
        with tarfile.open(FOLDER / f"{name}.tar.gz", "w:gz", compresslevel=1) as archive:
            for program in programs:
                archive.add(FOLDER / program, f"{name}-debian.linux-amd64/{program}")
