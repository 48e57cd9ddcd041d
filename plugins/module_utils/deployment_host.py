"""What the modules about deployments share. Runs on the host's Python 3.6."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional

# A release directory or a record counts only once this file is in it; it is written last.
MARKER = ".complete"


class DeploymentError(Exception):
    """What stopped, why, and the way out."""


@contextmanager
def exclusive(path: str, timeout_s: float = 900) -> Iterator[None]:
    """Hold the host-wide lock at `path`.

    A play that was killed leaves its last command running on the host; the next play waits here until it has ended
    instead of tidying up under its hands.
    """
    deadline = time.monotonic() + timeout_s
    with open(path, "w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() > deadline:
                raise DeploymentError(
                    "Another deployment has held {0} for {1:.0f} s. See who does with `fuser -v {0}`, "
                    "end it, and run again.".format(path, timeout_s)
                )
            time.sleep(0.2)
        yield


def require_digest(path: str, sha256: str) -> None:
    """Raise DeploymentError unless the file is there and is the one that the controller built."""
    if not os.path.isfile(path):
        raise DeploymentError("{0} is not on this host. Run the deployment again: it sends the file.".format(path))
    total = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            total.update(block)
    if total.hexdigest() != sha256:
        raise DeploymentError(
            "{0} is damaged: its sha256 is {1}, the controller built {2}. If the copy in the controller's bundle "
            "directory is damaged as well, remove it there and run playbooks/bundle.yml; then run the deployment "
            "again, which sends the file anew.".format(path, total.hexdigest(), sha256)
        )


def extract(archive: str, target: str) -> None:
    """Unpack regular files below `target`; an archive that holds anything else is refused."""
    with tarfile.open(archive) as tar:
        for member in tar:
            inside = os.path.normpath(os.path.join(target, member.name))
            if not member.isfile() or not inside.startswith(os.path.join(target, "")):
                raise DeploymentError("{0} holds {1}, which is no file below it.".format(archive, member.name))
            directory = os.path.dirname(inside)
            if not os.path.isdir(directory):
                os.makedirs(directory, 0o755)
            content = tar.extractfile(member)
            with open(inside, "wb") as handle:
                shutil.copyfileobj(content, handle, 1 << 20)  # type: ignore[arg-type]


def write_json(path: str, values: Dict[str, Any]) -> None:
    """Write a small file whole or not at all, and to the disk before anything relies on it."""
    partial = path + ".partial"
    with open(partial, "w") as handle:
        json.dump(values, handle, indent=2, sort_keys=True)
        handle.write("\n")
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(partial, path)


def read_json(path: str) -> Dict[str, Any]:
    """The content of a JSON file, empty when there is none or when it is unreadable."""
    try:
        with open(path) as handle:
            content = json.load(handle)
    except (IOError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_assignments(text: str) -> Dict[str, str]:
    """Read NAME=VALUE lines."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def link_target(path: str) -> str:
    """Where a link points to, empty when it is none."""
    return os.readlink(path) if os.path.islink(path) else ""


def read_text(path: str) -> Optional[str]:
    """The text of a file, None when there is none."""
    if not os.path.isfile(path):
        return None
    with open(path) as handle:
        return handle.read()
