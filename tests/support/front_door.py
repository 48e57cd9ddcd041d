"""The front door as its role renders it, run on loopback, and clients that count what they meet."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.expected import PROJECT, Inventory
from support.services import Service, until
from support.throwaway import play

PROGRAM = PROJECT / "roles" / "load_balancer" / "files" / "balancer.py"
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

    def __init__(self, root: Path, binary: Path, services: list[Service], port: int, **variables: Any) -> None:
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
        version = root / "opt/hotpath/haproxy" / binary.parent.name.removeprefix("haproxy-")
        version.parent.mkdir(parents=True)
        version.symlink_to(binary.parent)
        (version.parent / "current").symlink_to(version.name)

    def have(self, services: list[Service]) -> None:
        """Let these be the hosts."""
        self.variables["load_balancer_hosts"] = [
            {"name": one.name, "address": one.address, "port": one.port, "connections": one.connections}
            for one in services
        ]

    def render(self) -> str:
        """The configuration, with this door's own folder before its paths."""
        source = self.root / "inventory.yml"
        source.write_text(yaml.safe_dump({"balancers": {"hosts": {"door": self.variables}}}))
        text = str(Inventory(str(source)).expected("door", "load_balancer", FACTS)["__load_balancer_text"])
        for path in ("/run/hotpath-balancer", "/var/lib/hotpath-balancer", "/etc/hotpath"):
            (self.root / path[1:]).mkdir(parents=True, exist_ok=True)
            text = text.replace(path, f"{self.root}{path}")
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
        config, run = self.root / "etc/hotpath/balancer.cfg", self.root / "run/hotpath-balancer"
        command = [str(self._binary), "-W", "-S", str(run / "master.sock"), "-f", str(config)]
        with (self.root / "log").open("w") as log:
            self.master = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            assert self.program("wait").returncode == 0, (self.root / "log").read_text()
            yield self
        finally:
            self.master.terminate()
            self.master.wait(30)

    def program(self, action: str) -> subprocess.CompletedProcess[str]:
        """What the unit and the role run."""
        environment = {**os.environ, "MAINPID": str(self.master.pid)}
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


class Clients:
    """Steady clients on connections that they keep; what they met is counted by status, or by the error's name."""

    def __init__(self, door: Door, photograph: bytes, count: int = 6) -> None:
        self._door, self._photograph = door, photograph
        self.met: Counter[str] = Counter()
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until so many more were answered."""
        goal = sum(self.met.values()) + count
        until(lambda: sum(self.met.values()) >= goal)

    def _run(self) -> None:
        link = http.client.HTTPConnection(HERE, self._door.port, timeout=60)
        while not self._ends.is_set():
            try:
                answer = _exchange(link, "POST", "/predict", self._photograph, {"Content-Type": "image/png"})
                right = answer.status != 200 or answer.json["label"] == "red"
                self.met[str(answer.status) if right else "wrong"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.met[type(error).__name__] += 1
                link.close()
                time.sleep(0.05)
        link.close()
