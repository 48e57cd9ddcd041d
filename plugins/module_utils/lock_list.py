"""The list of version locks on a host's disk. Runs on the host's Python 3.6."""

import os
from typing import Any

LOCK_LIST = "/etc/dnf/plugins/versionlock.list"


def read_locks() -> str:
    """The list's text, "" where there is none."""
    if not os.path.exists(LOCK_LIST):
        return ""
    with open(LOCK_LIST) as stream:
        return stream.read()


def write_locks(module: Any, text: str) -> None:
    """Replace the list, whole or not at all."""
    directory = os.path.dirname(LOCK_LIST)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o755)
    temporary = os.path.join(module.tmpdir, "versionlock.list")
    with open(temporary, "w") as stream:
        stream.write(text)
    module.atomic_move(temporary, LOCK_LIST)
