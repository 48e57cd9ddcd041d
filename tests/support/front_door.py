"""The front door as its role renders it, run on loopback, and clients that count what they meet."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml
from support.expected import PROJECT, Inventory
from support.load import Load
from support.services import until
from support.throwaway import play

PROGRAM = PROJECT / "roles" / "load_balancer" / "files" / "balancer.py"
SHARED = PROJECT / "plugins" / "module_utils"  # on a balancer they lie beside the program
HERE = "127.0.0.1"
# What a play would know of the host; nothing that is rendered depends on more.
FACTS: dict[str, Any] = {"ansible_facts": {"nodename": "door.example"}, "ansible_managed": "Ansible"}


def fetch(folder: Path) -> Path:
    """HAProxy as the hosts get it, by the playbook's own first play."""
    inventory = folder / "balancers.yml"
    inventory.write_text("ungrouped: {hosts: {localhost: {}}}\nbalancers: {hosts: {door: {}}}\n")
    fetched = play("playbooks/balance.yml", "--inventory", str(inventory), "--limit", "localhost")
    assert fetched.code == 0, fetched.output
    (binary,) = (PROJECT / ".cache" / "bundle").glob("haproxy-*/haproxy")
    return binary


class Door:
    """A HAProxy of this test's own. `variables` are the role's; a change of them is taken in by `apply`."""

    address = HERE

    def __init__(self, root: Path, binary: Path, services: Sequence[Host], port: int, **variables: Any) -> None:
        self.root, self.port, self._binary = root, port, binary
        self.variables = {
            "load_balancer_listen": HERE,
            "load_balancer_port": port,
            "load_balancer_statistics": f"{HERE}:{port + 1}",
            "load_balancer_tls": False,
            "load_balancer_slow_start_s": 0,
            "load_balancer_connections": 200,
            **variables,
        }
        self.have(services)
        self._bundled = variables.get("load_balancer_haproxy", "bundled") == "bundled"
        version = (
            root / "opt/hotpath/haproxy" / (binary.parent.name.removeprefix("haproxy-") if self._bundled else "system")
        )
        version.parent.mkdir(parents=True)
        version.symlink_to(binary.parent)
        (version.parent / "current").symlink_to(version.name)

    def have(self, services: Sequence[Host], standby: Sequence[str] = ()) -> None:
        """Let these be the hosts, of which some stand by."""
        self.variables["load_balancer_hosts"] = [
            {
                "name": one.name,
                "address": one.address,
                "port": one.port,
                "connections": one.connections,
                "standby": one.name in standby,
            }
            for one in services
        ]

    def render(self) -> str:
        """The configuration, with this door's own folder before its paths."""
        source = self.root / "inventory.yml"
        source.write_text(yaml.safe_dump({"balancers": {"hosts": {"door": self.variables}}}))
        role = Inventory(str(source)).expected("door", "load_balancer", FACTS)
        text = str(role["__load_balancer_text"])
        for path in ("/run/hotpath-balancer", "/var/lib/hotpath-balancer", "/etc/hotpath"):
            (self.root / path[1:]).mkdir(parents=True, exist_ok=True)
            text = text.replace(path, f"{self.root}{path}")
        for answer in role["__load_balancer_answer_files"]:
            file = Path(f"{self.root}{answer['path']}")
            file.parent.mkdir(exist_ok=True)
            file.write_text(answer["content"], newline="")
        return text

    def write(self) -> None:
        """Render, let HAProxy judge it, and put it in place."""
        text = self.render()
        judged = subprocess.run(
            [self._binary, "-c", "-q", "-f", "/dev/stdin"], input=text, text=True, capture_output=True
        )
        assert judged.returncode == 0, judged.stderr
        (self.root / "etc/hotpath/balancer.cfg").write_text(text)

    @contextmanager
    def open(self) -> Iterator[Door]:
        """Run HAProxy."""
        self.write()
        self._start()
        try:
            yield self
        finally:
            self.stop()

    def _start(self) -> None:
        config, run = self.root / "etc/hotpath/balancer.cfg", self.root / "run/hotpath-balancer"
        command = [str(self._binary), "-W", "-f", str(config)]
        command += ["-S", str(run / "master.sock")] if self._bundled else []
        with (self.root / "log").open("a") as log:
            self.master = subprocess.Popen(command, stdout=log, stderr=log)
        waited = self.program("wait")
        assert waited.returncode == 0, waited.stderr + (self.root / "log").read_text()

    def stop(self) -> None:
        """End HAProxy, as at the machine's own end."""
        self.master.terminate()
        self.master.wait(30)

    def restart(self) -> None:
        """End HAProxy and start it anew, as at a reboot."""
        self.stop()
        self._start()

    def program(self, action: str) -> subprocess.CompletedProcess[str]:
        """What the unit and the role run."""
        environment = {**os.environ, "MAINPID": str(self.master.pid), "PYTHONPATH": str(SHARED)}
        command = [sys.executable, str(PROGRAM), action, f"--root={self.root}"]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def apply(self) -> None:
        """What a run of the role does after a change."""
        self.write()
        done = self.program("apply")
        assert done.returncode == 0, done.stderr + (self.root / "log").read_text()[-2000:]
        assert self.program("check").stdout == ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """One request on a connection of its own."""
        link = http.client.HTTPConnection(HERE, self.port, timeout=60)
        try:
            return _exchange(link, method, path, body, headers)
        finally:
            link.close()

    def statistics(self) -> str:
        """Prometheus's metrics of HAProxy itself."""
        link = http.client.HTTPConnection(HERE, self.port + 1, timeout=60)
        link.request("GET", "/metrics")
        return link.getresponse().read().decode()

    def served(self, host: str) -> int:
        """How many requests a host was given, by this worker's count."""
        pattern = rf'haproxy_server_sessions_total\{{proxy="gpu_hosts",server="{host}"\}} (\d+)'
        return int(re.findall(pattern, self.statistics())[0])

    def admin(self, command: str) -> str:
        """A command to the worker that takes new connections, as an operator would give it."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.root / "run/hotpath-balancer/admin.sock"))
            link.sendall(command.encode() + b"\n")
            return link.makefile().read()

    def up(self, count: int) -> None:
        """Wait until so many hosts are in rotation."""
        until(lambda: f'haproxy_backend_active_servers{{proxy="gpu_hosts"}} {count}\n' in self.statistics())


class Answer:
    """Status, headers and JSON."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = dict(response.getheaders())
        content = response.read()
        self.json: Any = json.loads(content) if content.startswith(b"{") else content


def _exchange(link: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    link.request(method, path, body or None, {key.replace("_", "-"): value for key, value in headers.items()})
    return Answer(link.getresponse())


class Host(Protocol):
    """What a balancer has to know of a host."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def connections(self) -> int: ...


class Place(Protocol):
    """Where clients are served."""

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...


class Clients(Load):
    """Steady clients of a door."""

    def __init__(self, door: Place, photograph: bytes, count: int = 6, patience_s: float = 60.0) -> None:
        super().__init__([(door.address, door.port)], photograph, clients=count, patience_s=patience_s)
