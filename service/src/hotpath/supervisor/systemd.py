"""What the service speaks of systemd's protocols: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)."""

from __future__ import annotations

import os
import socket
from typing import List, Optional

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


def take_listening_sockets() -> List[socket.socket]:
    """The sockets that systemd passed to this process; empty when it passed none."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    sockets = [socket.socket(fileno=_FIRST_DESCRIPTOR + index) for index in range(count)]
    for passed in sockets:
        passed.setblocking(False)
    return sockets


def notify(*lines: str) -> None:
    """Tell the service manager; does nothing outside one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.connect(address)
        end.sendall("\n".join(lines).encode())


def watchdog_interval() -> Optional[float]:
    """Seconds between two WATCHDOG=1: half of what the manager waits; None when it does not watch."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = os.environ.get("WATCHDOG_USEC")
    return int(microseconds) / 2e6 if microseconds else None
