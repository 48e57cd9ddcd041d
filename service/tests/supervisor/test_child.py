"""A child hears what it was told before it could listen."""

from __future__ import annotations

import os
import signal
import time

from hotpath.supervisor import child
from hotpath.supervisor.placement import Place


def test_a_child_that_is_asked_to_end_while_it_starts_does_so_once_it_listens() -> None:
    reader, writer = os.pipe()

    def work() -> None:
        os.read(reader, 1)  # until it was asked to end
        heard = []
        signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        time.sleep(0)
        os._exit(42 if heard else 1)

    pid = child.fork("worker-0", Place(), "any", work, child.Reason())
    os.kill(pid, signal.SIGTERM)
    os.write(writer, b"!")
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 42
    for end in (reader, writer):
        os.close(end)


def test_a_child_that_never_listens_is_not_ended_by_it() -> None:
    """An engine: systemd asks every process of a unit, and it goes on until the workers are done."""
    reader, writer = os.pipe()
    pid = child.fork("engine-0", Place(), "any", lambda: os._exit(os.read(reader, 1)[0]), child.Reason())
    os.kill(pid, signal.SIGTERM)
    os.write(writer, bytes([43]))
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 43
    for end in (reader, writer):
        os.close(end)
