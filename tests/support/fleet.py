"""A fleet of throwaway hosts: three with the service, two balancers before them, deployed by the project's own plays.

They are brought up once for all tests that share them; each test leaves all hosts in rotation, with what they had.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.killing import Kill, Run, run
from support.load import Load
from support.model_sources import stand_in
from support.services import until
from support.site import BUNDLE, BUNDLED, assert_converged
from support.throwaway import Play, Throwaway, several
from throwaway import hosts

GPU_HOSTS = ("fleet-1", "fleet-2", "fleet-3")
BALANCERS = ("balancer-1", "balancer-2")
INSTALL = "tests/faults/deploy_host.yml"
SECONDS = 0.01  # a batch of the stand-in


@dataclass(frozen=True)
class Fleet:
    """The hosts, and a folder for their inventory and their bundle."""

    folder: Path
    batch_s: float = SECONDS

    @property
    def all(self) -> Throwaway:
        """All hosts, for plays."""
        return Throwaway(",".join(GPU_HOSTS + BALANCERS))

    @property
    def inventories(self) -> tuple[str, ...]:
        return "-i", "inventory/demo", "-i", str(self.folder / "inventory.json")

    def host(self, name: str) -> Throwaway:
        return Throwaway(name)

    def play(self, playbook: str, *options: str, **variables: Any) -> Play:
        """Run a playbook, or several with blanks between, by the fleet's inventory."""
        return self.all.play(playbook, *self.inventories, *options, **variables)

    def killed(self, playbook: str, kill: Kill, *options: str, **variables: Any) -> Run:
        """The same, all of its processes killed at that moment."""
        return run(self.all, playbook, *self.inventories, *options, kill=kill, **variables)

    def serve(self, *models: dict[str, Any], standby: Sequence[str] = ()) -> None:
        """Write the inventory: these models on every host, and who stands by."""
        (self.folder / "inventory.json").write_text(json.dumps(self.inventory(list(models), standby)))

    def inventory(self, models: list[dict[str, Any]], standby: Sequence[str]) -> dict[str, Any]:
        """As a user would write it."""
        addresses = {name: {"inference_service_address": address(name)} for name in GPU_HOSTS}
        return {
            "all": {"vars": {"service_bundle_directory": str(self.folder / "bundle")}},
            "gpu_hosts": {"hosts": addresses, "vars": self._service(models)},
            "balancers": {"vars": BALANCING},
            "standby_hosts": {"hosts": {name: {} for name in standby}},
        }

    def _service(self, models: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "inference_service_models": models,
            "inference_service_bundle": str(self.folder / "bundle" / "cpu.json"),
            "inference_service_workers": 1,
            "inference_service_max_batch": 2,
            **UNJUDGED,
        }

    def load(self, clients: int = 4, balancers: Sequence[str] = BALANCERS, rest_s: float = 0.02) -> Load:
        """Clients of these balancers, who ask what is red."""
        photograph = (self.folder / "colours" / "probes" / "red.png").read_bytes()
        doors = [("127.0.0.1", hosts.hosts()[name].port or 0) for name in balancers]
        return Load(doors, photograph, clients=clients, rest_s=rest_s)

    def statistics(self, balancer: str = BALANCERS[0]) -> dict[str, dict[str, str]]:
        """HAProxy's own of each host, by name."""
        told = self.host(balancer).run(f"curl -s '{self.statistics_page(balancer)}'").stdout.lstrip("# ")
        rows = csv.DictReader(told.splitlines())
        return {row["svname"]: row for row in rows if row["pxname"] == "gpu_hosts" and row["svname"] != "BACKEND"}

    def statistics_page(self, balancer: str) -> str:
        """Where this balancer tells of itself."""
        return "http://127.0.0.1:8404/;csv"

    def in_rotation(self, balancer: str = BALANCERS[0]) -> set[str]:
        """The hosts to which this balancer sends requests."""
        return {name for name, row in self.statistics(balancer).items() if row["status"].startswith("UP")}

    def whole(self) -> None:
        """Wait until every balancer has every host in rotation."""
        until(lambda: all(self.in_rotation(balancer) == set(GPU_HOSTS) for balancer in BALANCERS))


# For plays that are about something else, with or without clients; those about rollouts say otherwise.
UNJUDGED = {"rollout_requests": 0, "rollout_comparisons": 0, "rollout_seconds": 1}
BALANCING = {
    "load_balancer_port": hosts.SERVICE_PORT,  # the one that is reached from this machine
    "load_balancer_tls": False,
    "load_balancer_slow_start_s": 0,
    "load_balancer_tell_host": True,
    "load_balancer_connections": 400,
}


def address(name: str) -> str:
    """At which other hosts reach this one."""
    asked = ["podman", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", hosts.hosts()[name].container]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """The fleet, deployed with the stand-in. HOTPATH_KEEP_FLEET names a folder that keeps it for the next test run."""
    kept = os.environ.get("HOTPATH_KEEP_FLEET")
    made = Fleet(Path(kept) if kept else folder)
    with several(*GPU_HOSTS, *BALANCERS, keep=kept is not None):
        if not (made.folder / "inventory.json").exists():
            set_up(made)
        made.whole()
        yield made


def set_up(made: Fleet) -> None:
    """Deploy; only the first host installs the release, whose bytecode alone takes the processor a minute."""
    if BUNDLED.exists():  # what it has need not be fetched again
        without = shutil.ignore_patterns(".*", "cpu.json")
        shutil.copytree(BUNDLED, made.folder / "bundle", copy_function=os.link, ignore=without)
    made.serve({"source": stand_in(made.folder / "colours", always=made.batch_s)})
    first, *others = map(Throwaway, GPU_HOSTS)
    one_alone = ("--limit", f"localhost,{first.name}")
    assert_converged(made.play(f"{BUNDLE} {INSTALL}", *one_alone, service_bundle_sets=["cpu"]))
    for host in others:
        assert host.feed("tar -x -C /", [*first.shell, "tar -c -C / opt/hotpath/releases"]) == 0
    assert_converged(made.play(f"{INSTALL} playbooks/balance.yml"))
