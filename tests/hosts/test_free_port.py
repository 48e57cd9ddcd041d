"""A host's port is one that leads nowhere else: nobody listens there, and no rule forwards it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from throwaway.ports import is_free

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
FORWARDED, OTHER = 18080, 18081


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own and a rule in it")
def test_a_port_that_a_forgotten_container_still_forwards_is_not_free() -> None:
    """In a network of its own, with the rule that a container leaves whose engine did not see it end."""
    script = f"""
        ip link set lo up
        iptables -t nat -A OUTPUT -p tcp --dport {FORWARDED} -j DNAT --to-destination 10.88.0.9:8000
        cd {SCRIPTS}
        exec {sys.executable} -c 'from throwaway.ports import is_free; print(is_free({FORWARDED}), is_free({OTHER}))'
    """
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False True\n", "")
