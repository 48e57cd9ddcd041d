"""Keep the bytecode of what Python imports from an archive, as it does of what it imports from a folder.

Ansible sends each module as an archive of sources, most of them the same every time, and compiling those is nearly half
of what a task costs the host. What runs is still what was sent: bytecode is found by the source's content.
kept_bytecode.pth has it imported when Python starts.
"""

from __future__ import annotations

import _imp
import marshal
import os
import zipimport
from types import CodeType

FOLDER = "/var/cache/kept-bytecode"

compile_source = zipimport._compile_source


def kept(path: str, source: bytes) -> CodeType:
    """The code of a source: from the folder, or compiled and left there; no reader sees half of it."""
    name = f"{FOLDER}/{_imp.source_hash(0, source).hex()}"
    try:
        with open(name, "rb") as handle:
            return marshal.loads(handle.read())
    except OSError:
        code = compile_source(path, source)
    try:
        os.makedirs(FOLDER, mode=0o700, exist_ok=True)
        unfinished = f"{name}.{os.getpid()}"
        with open(unfinished, "wb") as handle:
            handle.write(marshal.dumps(code))
        os.rename(unfinished, name)
    except OSError:
        pass  # a user without the right to keep it, or a disk without room, compiles
    return code


zipimport._compile_source = kept
