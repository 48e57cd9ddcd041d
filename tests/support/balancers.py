"""Two throwaway balancers that share an address, before services of this machine."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from support.services import Service, until
from support.throwaway import PROJECT, Play, Throwaway, play, throwaway

NAMES = ("balancer-a", "balancer-b")
PORT = 8080


@dataclass(frozen=True)
class Network:
    """Where the hosts' addresses come from."""

    gateway: str  # this machine
    floating: str  # of nobody

    @classmethod
    def of(cls, host: Throwaway) -> Network:
        """The one that a host is in."""
        (network,) = host.container()["NetworkSettings"]["Networks"].values()
        subnet = ipaddress.ip_network(f"{network['Gateway']}/{network['IPPrefixLen']}", strict=False)
        return cls(network["Gateway"], str(subnet.broadcast_address - 6))


class Pair:
    """Both balancers, and the address that clients know."""

    port = PORT

    def __init__(self, hosts: list[Throwaway], services: list[Service], folder: Path) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.network = Network.of(hosts[0])
        self.address = self.network.floating
        self._inventory = folder / "inventory"
        self._inventory.mkdir()
        (self._inventory / "hosts.py").symlink_to(PROJECT / "inventory" / "demo" / "hosts.py")
        self.variables = {
            "load_balancer_port": PORT,
            "load_balancer_tls": False,
            "load_balancer_slow_start_s": 0,
            "load_balancer_queue_s": 2.0,
            "load_balancer_drain_s": 5,
            "load_balancer_hosts": [
                {"name": one.name, "address": self.network.gateway, "port": one.port, "connections": one.connections}
                for one in services
            ],
            "floating_address_ip": self.address,
        }

    def play(self, *options: str) -> Play:
        """playbooks/balance.yml on both."""
        return play("playbooks/balance.yml", self.inventory(), *options, environment=self.environment)

    def inventory(self) -> str:
        """The option that names the inventory, written anew."""
        own = {name: {"floating_address_own": host.address()} for name, host in self.hosts.items()}
        groups = {"balancers": {"hosts": own, "vars": self.variables}}
        (self._inventory / "values.yml").write_text(yaml.safe_dump(groups))
        return f"--inventory={self._inventory}"

    @property
    def environment(self) -> dict[str, str]:
        """What the demo inventory has to know."""
        return {"HOTPATH_DEMO_HOSTS": ",".join(self.hosts)}

    def holders(self) -> list[Throwaway]:
        """Who has the address now, of those that can be asked."""
        ask = "ip -brief address show dev eth0"
        return [host for host in self.hosts.values() if f" {self.address}/" in host.run(ask).stdout]

    def active(self) -> Throwaway:
        """The one that has it, waited for."""
        found: list[Throwaway] = []

        def one() -> bool:
            found[:] = self.holders()
            return len(found) == 1

        until(one)
        return found[0]

    def other(self, host: Throwaway) -> Throwaway:
        """The one beside it."""
        return next(one for one in self.hosts.values() if one != host)

    def ready(self) -> None:
        """Wait until either could take the address: in a container systemd sees late that all processes are gone."""
        ask = "systemctl is-active hotpath-balancer.service hotpath-address.service"
        until(lambda: all(host.run(ask).returncode == 0 for host in self.hosts.values()))

    def has(self, host: Throwaway) -> None:
        """Wait until a host has the address."""
        until(lambda: host in self.holders())


@contextmanager
def pair(services: list[Service], folder: Path) -> Iterator[Pair]:
    """Both hosts, untouched; removed afterwards."""
    with ExitStack() as stack:
        yield Pair([stack.enter_context(throwaway(name)) for name in NAMES], services, folder)


def engine(action: str, host: Throwaway) -> None:
    """What the container engine does to a host as a whole: pause, unpause, kill, start."""
    subprocess.run(["podman", action, host.container()["Name"]], check=True, capture_output=True)
