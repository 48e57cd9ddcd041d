"""firewalld is started so that it can lock nobody out, whatever its rules do.

A container lacks the right to filter packets. A double in firewalld's unit does what wrong rules would: the connection
that stands goes on, and no new one comes in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from support.throwaway import Throwaway, throwaway

PLAYBOOK = "tests/faults/firewall_host.yml"
DOUBLE = """[Service]
Type=simple
BusName=
ExecStart=
ExecStart=/bin/sleep infinity
"""
LETS_NOBODY_IN = """ExecStartPost=/bin/chmod 0 /usr/sbin/sshd
ExecStopPost=/bin/chmod 0755 /usr/sbin/sshd
"""
# Long enough for Ansible to come in anew on a busy machine, where that is not shut.
OPEN_S, SHUT_S = 60, 15
PATIENCE_S = 60


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    with throwaway("filtered") as made:
        yield made


def firewalld(host: Throwaway, unit: str) -> None:
    """Put a double in firewalld's place."""
    folder = "/etc/systemd/system/firewalld.service.d"
    done = host.run(f"mkdir -p {folder} && printf '{unit}' > {folder}/double.conf && systemctl daemon-reload")
    assert done.returncode == 0, done.stderr


def states(host: Throwaway) -> list[str]:
    return host.run("systemctl is-active firewalld.service hotpath-firewall-guard.timer").stdout.split()


def test_one_that_lets_a_new_connection_in_runs_on(host: Throwaway) -> None:
    firewalld(host, DOUBLE)
    done = host.play(PLAYBOOK, __firewall_guard_s=OPEN_S)
    assert done.code == 0, done.output
    assert states(host) == ["active", "inactive"]
    assert host.run("systemctl stop firewalld.service").returncode == 0


def test_one_that_lets_nobody_in_is_stopped_again(host: Throwaway) -> None:
    firewalld(host, DOUBLE + LETS_NOBODY_IN)
    done = host.play(PLAYBOOK, __firewall_guard_s=SHUT_S)
    assert "unreachable=1" in done.words, done.output
    deadline = time.monotonic() + SHUT_S + PATIENCE_S
    while host.run("true").returncode != 0:
        assert time.monotonic() < deadline, "the host is still locked"
        time.sleep(1)
    assert states(host) == ["inactive", "inactive"]


def test_beside_a_filter_that_it_would_end_it_is_not_started(host: Throwaway) -> None:
    firewalld(host, DOUBLE)
    unit = "[Service]\\nExecStart=/bin/sleep infinity\\n"
    assert (
        host.run(f"printf '{unit}' > /etc/systemd/system/iptables.service && systemctl start iptables").returncode == 0
    )
    done = host.play(PLAYBOOK)
    assert done.code != 0 and "systemctl disable --now iptables" in done.words, done.output
    assert host.run("systemctl is-active iptables.service firewalld.service").stdout.split() == ["active", "inactive"]
