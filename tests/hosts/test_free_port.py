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
    assert with_a_rule("10.88.0.9:8000", f"is_free({FORWARDED}), is_free({OTHER})") == "False True\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own and a rule in it")
def test_nor_is_one_whose_rule_leads_to_where_nobody_listens() -> None:
    """Which is refused as a free port is: another container may have the address by now."""
    assert with_a_rule("127.0.0.1:9", f"is_free({FORWARDED}), free_port(set())") == f"True {OTHER}\n"


def with_a_rule(target: str, asked: str) -> str:
    """What is answered in a network of its own, with a rule as a container leaves whose engine did not see it end."""
    script = f"""
        ip link set lo up
        iptables -t nat -A OUTPUT -p tcp --dport {FORWARDED} -j DNAT --to-destination {target}
        cd {SCRIPTS}
        exec {sys.executable} -c 'from throwaway.ports import free_port, is_free; print({asked})'
    """
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout
