"""Which ports of this machine lead to the throwaway hosts, and whether they do."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import subprocess

from .cache import Failure, say
from .engine import runtime_options

FIRST_PORT = 18080
ARRIVE_SECONDS = 10
# Says when it listens; then tells the first that calls the word it was given, or ends with its standard input.
LISTENER = """
import select, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("", int(sys.argv[1])))
listener.listen(1)
print("listening", flush=True)
if listener in select.select([listener, sys.stdin], [], [])[0]:
    listener.accept()[0].sendall(sys.argv[2].encode())
"""


def free_port(taken: set[int]) -> int:
    """The first free port on 127.0.0.1 from HOTPATH_PORT on; `taken` ones belong to our stopped or starting hosts."""
    wanted = int(os.environ.get("HOTPATH_PORT", FIRST_PORT))
    taken = taken | forwarded()
    for port in range(wanted, wanted + 100):
        if port in taken:
            continue
        if is_free(port):
            return port
        say(f"Port {port} on 127.0.0.1 is taken; trying the next one (HOTPATH_PORT chooses where to begin)")
    raise Failure(f"No free port on 127.0.0.1 from {wanted} to {wanted + 99}: set HOTPATH_PORT to another range")


def forwarded() -> set[int]:
    """Ports that rules of this machine forward, as far as we may see them.

    After a power cut, or a kill of everything, the rules of a whole fleet are left; to try its ports in turn takes
    seconds for each.
    """
    if not shutil.which("iptables"):
        return set()
    listed = subprocess.run(["iptables", "-t", "nat", "-S"], capture_output=True, text=True, check=False).stdout
    return {int(port) for port in re.findall(r"--dport (\d+)", listed)}


def is_free(port: int) -> bool:
    """Whether nothing on 127.0.0.1 has this port: no listener, and no rule that forwards it elsewhere.

    A container that ended without its engine, as in a power cut, leaves such a rule. The port can be bound then, but
    nobody who connects to it arrives.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def leads_to(container: str, port: int, inside: int) -> bool:
    """Whether who connects to a port of 127.0.0.1 reaches the port `inside` of this container, on which nobody listens.

    A rule that an ended container left may lead to another container, which has its address by now. Such a port is
    refused like a free one as long as nobody listens there.
    """
    word = secrets.token_hex(8)
    listener = ["/usr/libexec/platform-python", "-c", LISTENER, str(inside), word]
    command = ["podman", *runtime_options(), "exec", "--interactive", container, *listener]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdin and listening.stdout
        if listening.stdout.readline().strip() != "listening":
            raise Failure(f"Nothing can listen on port {inside} of {container}: podman exec {container} ss -ltnp")
        try:
            with socket.create_connection(("127.0.0.1", port), ARRIVE_SECONDS) as caller:
                return caller.recv(len(word)).decode() == word
        except OSError:
            return False
        finally:
            listening.stdin.close()
