"""A throwaway host is made, found, reached and removed."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from throwaway import fleet, hosts
from throwaway.cache import Failure
from throwaway.hosts import SERVICE_PORT, Host
from throwaway.ports import leads_to

PROJECT = Path(__file__).resolve().parents[2]
NAME = "hosts-test"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(PROJECT / "scripts" / "hosts.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with socket.socket() as taken:
        # The port that would be chosen belongs to someone else.
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOTPATH_PORT", str(port))
            made = fleet.up([NAME])[0]
        assert made.port != port
        yield made
    fleet.down([NAME])
    assert NAME not in fleet.hosts()


def test_systemd_runs_and_nothing_failed(host: Host) -> None:
    assert command("ssh", NAME, "systemctl is-system-running").stdout == "running\n"


def test_it_looks_like_el8(host: Host) -> None:
    seen = command("ssh", NAME, ". /etc/os-release; echo $ID $VERSION_ID $PLATFORM_ID; rpm -q kernel").stdout
    assert seen == "centos 8 platform:el8\nkernel-4.18.0-348.7.1.el8_5.x86_64\n"


def test_a_virtual_environment_with_pip_is_made_offline(host: Host) -> None:
    made = command("ssh", NAME, "python3.11 -m venv /tmp/venv && /tmp/venv/bin/pip --version")
    assert made.stdout.startswith("pip "), made.stderr


def test_its_port_leads_to_it(host: Host) -> None:
    assert host.port and leads_to(host.container, host.port, SERVICE_PORT)


def test_a_port_that_leads_elsewhere_or_nowhere_is_known(host: Host) -> None:
    """As one does whose rule an ended container left: to somebody else who answers, or to nobody."""

    class Stranger(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"somebody else")

    with socketserver.TCPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        elsewhere = server.server_address[1]
        assert not leads_to(host.container, elsewhere, SERVICE_PORT)
        server.shutdown()
    assert not leads_to(host.container, elsewhere, SERVICE_PORT)


def test_a_host_whose_port_leads_elsewhere_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, True])
    asked: list[int] = []

    def first_does_not(container: str, port: int, inside: int) -> bool:
        asked.append(port)
        return next(answers) and leads_to(container, port, inside)

    monkeypatch.setattr(hosts, "leads_to", first_does_not)
    try:
        made = fleet.up(["misled"])[0]
        assert made.running and asked[0] != asked[1] == made.port
    finally:
        fleet.down(["misled"])


def test_lookups_fail_at_once(host: Host) -> None:
    # A machine that stands still for seconds may make one of them late, a name server that is waited for all.
    lookup = "timeout 4 getent hosts example.org; code=$?; [ $code = 2 ] && break"
    looked = command("ssh", NAME, f"for n in 1 2 3; do {lookup}; done; echo $code")
    assert looked.stdout == "2\n", f"{looked.stdout}{looked.stderr} (124: the lookup waited for a name server)"


def test_up_again_leaves_it_alone(host: Host) -> None:
    assert fleet.up([NAME]) == [host]


def test_a_stopped_host_is_replaced(host: Host) -> None:
    subprocess.run(["podman", "kill", "--signal", "KILL", host.container], capture_output=True, check=True)
    assert fleet.up([NAME])[0].running


@pytest.mark.parametrize("name", ["GPU-1", "gpu_1", "-", "a b", "--help"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(Failure, match="is no host name"):
        fleet.up([name])


def test_logging_in_to_no_host_says_how_to_make_it() -> None:
    refused = command("ssh", "nobody-made-me")
    assert refused.returncode == 1
    assert "hosts.py up nobody-made-me" in refused.stderr
