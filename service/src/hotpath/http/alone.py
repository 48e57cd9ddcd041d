"""Tries in a process of its own what the last one to decode it has died with.

`python -m hotpath.http.alone MODEL NOTE SECONDS` decodes the body on its standard input, into nothing, and
ends as it then must, after so many seconds at the latest. All that is asked is whether it lives: if so, who
was killed was not killed by this.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

from hotpath.core import InputError
from hotpath.tasks.task import Parcel


def survives(model: str, parcel: Parcel, seconds: float) -> bool:
    """Whether a process lives on that decodes this for the model in a directory; it has so many seconds.

    Where the system has no room for a process it does not: nobody else is to find out.
    """
    if seconds <= 0:
        return False
    command = [sys.executable, "-m", __name__, model, parcel.note.hex(), str(math.ceil(seconds))]
    try:
        tried = subprocess.run(
            command,
            input=parcel.body,
            timeout=seconds,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def main() -> int:
    """Decode it."""
    signal.alarm(int(sys.argv[3]))  # whoever asked may have ended meanwhile
    import numpy

    from hotpath.models.built import load
    from hotpath.tasks import known

    task = known.task(load(Path(sys.argv[1]), verify=False))
    parcel = Parcel(sys.stdin.buffer.read(), bytes.fromhex(sys.argv[2]))
    slot = tuple(numpy.zeros(spec.shape, spec.dtype) for spec in task.inputs)
    with contextlib.suppress(InputError):  # which kills nobody
        task.unpacked(parcel).write(slot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
