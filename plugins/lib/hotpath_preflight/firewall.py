"""What stands against firewalld on a host: other packet filters, and ports that can't be as they are asked for.

The role firewall asks the same before it starts firewalld.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .problem import Problem

# What modules on the host need too lies among their utilities, which Ansible does not put on the path of filters.
sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from firewall_rules import Ports, meets, parse_port

Survey = Mapping[str, Any]
UNIT = "firewalld.service"
ABSENT = {"load": "", "enabled": "", "active": ""}
# firewalld's unit stops all of these but ufw when it starts, and their rules go with them.
FILTERS = ("iptables", "ip6tables", "ebtables", "nftables", "ufw")
KUBERNETES = ("kubelet", "k3s", "k3s-agent", "rke2-server", "rke2-agent")
PODMAN = ("podman", "cni-podman")
OFF = "or set firewall_enabled: false for this host, where another filter guards it"


def firewall_problems(survey: Survey) -> Iterator[Problem]:
    """What firewalld would break when it starts, or be broken by."""
    units = {name: {**ABSENT, **state} for name, state in survey["firewall"]["units"].items()}
    own = units.get(UNIT, ABSENT)
    if own["load"] == "masked" or own["enabled"].startswith("masked"):
        yield Problem(
            "firewall",
            "firewalld is masked",
            "Somebody forbade systemd to start it.",
            f"Allow it (systemctl unmask firewalld), {OFF}.",
        )
    for name in FILTERS:
        state = units.get(f"{name}.service", ABSENT)
        if state["active"] == "active" or state["enabled"] == "enabled":
            what = "runs" if state["active"] == "active" else "starts at boot"
            yield Problem(
                "firewall",
                f"{name}.service {what}",
                f"firewalld and {name} write the same tables: starting one stops the other, and its rules are lost.",
                f"Carry its rules over to firewalld and switch it off (systemctl disable --now {name}), {OFF}.",
            )
    if own["active"] != "active":
        yield from _containers(units, survey["firewall"]["interfaces"])


def _containers(units: Mapping[str, Mapping[str, str]], interfaces: list[str]) -> Iterator[Problem]:
    """Programs whose rules are flushed when firewalld starts. They write them again, or know how to."""
    for name in KUBERNETES:
        if units.get(f"{name}.service", ABSENT)["active"] == "active":
            yield Problem(
                "firewall",
                f"{name}.service runs without firewalld",
                "firewalld flushes the rules of Kubernetes when it starts, and the networks of its pods break.",
                "Set firewall_enabled: false for this host, or start firewalld yourself and then Kubernetes again.",
            )
    if units.get("docker.service", ABSENT)["active"] == "active":
        yield Problem(
            "firewall",
            "docker.service runs without firewalld",
            "Docker's rules are flushed when firewalld starts. Ports that it publishes pass by firewalld's zones.",
            "Restart Docker after the run (systemctl restart docker) if its containers are cut off.",
            "warning",
        )
    if any(interface.startswith(PODMAN) for interface in interfaces):
        yield Problem(
            "firewall",
            "containers of Podman have a network of their own",
            "Their rules are flushed when firewalld starts.",
            "Have Podman write them again after the run: podman network reload --all.",
            "warning",
        )


def port_problems(survey: Survey, opened: Sequence[str], closed: Sequence[str]) -> Iterator[Problem]:
    """`opened` and `closed` as the inventory names them."""
    understood: dict[str, list[Ports]] = {}
    for name, ports in (("firewall_ports", opened), ("firewall_closed_ports", closed)):
        understood[name] = []
        for port in ports:
            if "{{" in port:
                continue
            try:
                understood[name].append(parse_port(port))
            except ValueError as problem:
                yield Problem(
                    "firewall",
                    f"{name}: {problem}",
                    "firewalld opens ports of a protocol.",
                    "Write port/protocol; protocols are tcp, udp, sctp and dccp.",
                )
    sshd = [Ports("tcp", port, port) for port in survey["firewall"]["sshd"]]
    for shut in understood["firewall_closed_ports"]:
        if any(meets(shut, port) for port in sshd):
            yield Problem(
                "firewall",
                f"firewall_closed_ports holds {shut}, on which sshd listens",
                "Everybody would be locked out.",
                "Leave it out, or have sshd listen elsewhere first.",
            )
        if any(meets(shut, port) for port in understood["firewall_ports"]):
            yield Problem(
                "firewall",
                f"{shut} is both in firewall_ports and in firewall_closed_ports",
                "It can't be open and closed.",
                "Leave it out of one of both.",
            )
