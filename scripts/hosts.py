#!/usr/bin/env python3
"""Throwaway hosts that look like EL8: podman containers with systemd, or virtual machines if named vm or vm-*.

  hosts.py up [NAME...]      make and boot hosts (default: those of the demo inventory)
  hosts.py down [NAME...]    remove hosts (default: all of this checkout)
  hosts.py list [--json]     show the hosts of this checkout
  hosts.py ssh NAME [CMD]    log in to a host, or run a command there
  hosts.py image [vm]        build the mirror and the image only
  hosts.py plant NAME...     put an installed service on virtual machines, where installing takes half an hour

HOTPATH_DEMO_HOSTS  hosts of the demo inventory (gpu-1)
HOTPATH_PORT        first port on 127.0.0.1 to publish a host's service on (18080)
HOTPATH_HOST_IMAGE  a real EL8 image to use in place of the look-alike
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from throwaway import fleet, image, inventory, ssh, vm_image, vm_seed
from throwaway.cache import Failure
from throwaway.hosts import Host


def show(found: list[Host]) -> None:
    """Print one line a host."""
    for host in found:
        state = "running" if host.running else "stopped"
        print("\t".join([host.name, state, host.url or "-", host.container, host.image]))


def log_in(name: str, command: list[str]) -> None:
    """Replace this process by ssh."""
    if name not in fleet.hosts():
        raise Failure(f"There is no host {name}: make it with `scripts/hosts.py up {name}`")
    words = ["ssh", "-i", str(ssh.KEY), *fleet.ssh_arguments(name), f"root@{name}", *command]
    os.execvp(words[0], words)


def main() -> int:
    """Run one command of the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["up", "down", "list", "ssh", "image", "plant"])
    parser.add_argument("names", nargs=argparse.REMAINDER, metavar="NAME")
    arguments = parser.parse_args()
    try:
        if arguments.action == "up":
            show(fleet.up(arguments.names or inventory.host_names()))
        elif arguments.action == "down":
            for host in fleet.down(arguments.names):
                print(f"{host.name} removed")
        elif arguments.action == "list":
            found = list(fleet.hosts().values())
            if "--json" in arguments.names:
                print(json.dumps([{**asdict(host), "url": host.url} for host in found], indent=2))
            else:
                show(found)
        elif arguments.action == "plant":
            for name in arguments.names:
                vm_seed.plant(name)
        elif arguments.action == "image":
            print(vm_image.ensure_vm_image().folder if "vm" in arguments.names else image.ensure_image())
        elif not arguments.names:
            raise Failure("Which host? scripts/hosts.py ssh NAME")
        else:
            log_in(arguments.names[0], arguments.names[1:])
    except Failure as failure:
        print(f"hosts.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
