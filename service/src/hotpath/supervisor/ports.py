"""Listening sockets, and who holds a port that is taken."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import socket
from pathlib import Path
from typing import Iterator, Optional

from hotpath.config import ServerConfig
from hotpath.core import Refusal

BACKLOG = 2048


def listen(host: str, port: int, key: str = "server.port") -> socket.socket:
    """A listening, non-blocking socket. Raises Refusal: who holds the port, and which key sets it."""
    listener = _bound(host, port, key)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def grpc_reserved(server: ServerConfig) -> Iterator[None]:
    """Keep server.grpc_port for the workers, who listen on it themselves by SO_REUSEPORT.

    A socket that does not listen gets no connection, and nobody else's process can have the port meanwhile.
    Raises Refusal that says who holds it, or that gRPC is not installed.
    """
    if not server.grpc_port:
        yield
        return
    require_grpc()
    # Whoever asks to share a port would share it with another service that does.
    _bound(server.host, server.grpc_port, "server.grpc_port").close()
    with contextlib.closing(_bound(server.host, server.grpc_port, "server.grpc_port", shared=True)):
        yield


def require_grpc() -> None:
    """Raises Refusal where gRPC's library is missing. Imports nothing of it: no process may fork with it."""
    for package, module in (("grpcio", "grpc"), ("protobuf", "google.protobuf")):
        try:
            found = importlib.util.find_spec(module)
        except ImportError:
            found = None
        if found is None:
            raise Refusal(
                f"server.grpc_port is set, and {package} is not installed.",
                "Install the service with its extra 'grpc', or set server.grpc_port to 0.",
            )


def _bound(host: str, port: int, key: str, shared: bool = False) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise Refusal(
            f"server.host = {host!r} is no address: {error.strerror}.", "Correct server.host."
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _explain(error, host, port, key) from error
    return listener


def holder(port: int) -> Optional[str]:
    """The first process that listens on a TCP port, as "name (pid 1)"; None when that can't be seen."""
    return next(holders(port), None)


def holders(port: int) -> Iterator[str]:
    """Every process that can be seen to listen on a TCP port, each as "name (pid 1)"."""
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if os.path.exists(table)
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port
    }
    sockets = {f"socket:[{inode}]" for inode in inodes}
    # The lowest number first: a supervisor before its children, and systemd before all.
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        try:
            if any(os.readlink(item.path) in sockets for item in os.scandir(f"/proc/{pid}/fd")):
                yield f"{Path(f'/proc/{pid}/comm').read_text().strip()} (pid {pid})"
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue


def _explain(error: OSError, host: str, port: int, key: str) -> Refusal:
    if error.errno == errno.EADDRINUSE:
        who = holder(port) or "a process that only root can see"
        return Refusal(f"Port {port} on {host} is taken by {who}.", f"Stop it, or set {key} to another one.")
    if error.errno == errno.EACCES:
        return Refusal(
            f"Port {port} needs privileges that this user has not.",
            "Use a port from 1024 on, or let systemd pass the socket.",
        )
    return Refusal(
        f"The service can't listen on {host}, port {port}: {error.strerror}.",
        "Set server.host to an address of this machine.",
    )
