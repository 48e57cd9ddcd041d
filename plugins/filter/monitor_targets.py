"""Filter of the role prometheus: what a monitor scrapes, from the inventory."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["FilterModule", "monitor_targets"]

# Defaults of the other roles, which a play on the monitors does not load.
SERVICE_PORT = 8000
NODE_PORT = 9100
STATISTICS = "127.0.0.1:8404"
PROMETHEUS = "127.0.0.1:9090"
ALERTMANAGER = "127.0.0.1:9093"
AUTOSCALER = "127.0.0.1:9105"
WATCHED = ("gpu_hosts", "balancers", "monitors")


def monitor_targets(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]], monitor: str
) -> list[dict[str, str]]:
    """Job, instance and address of each target of a monitor; what listens on another machine's loopback is left out."""
    found = _targets(groups, hostvars)
    return [
        {"job": job, "instance": host, "address": address}
        for job, host, address in sorted(found)
        if host == monitor or not _is_loopback(address)
    ]


def _targets(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    for host in groups.get("gpu_hosts", ()):
        port = hostvars[host].get("inference_service_port", SERVICE_PORT)
        yield "hotpath", host, _place(_address(host, hostvars[host]), port)
    for host in dict.fromkeys(name for group in WATCHED for name in groups.get(group, ())):
        variables = hostvars[host]
        address = variables.get("node_metrics_address") or _address(host, variables)
        yield "node", host, _place(str(address), variables.get("node_metrics_port", NODE_PORT))
    for host in groups.get("balancers", ()):
        yield "haproxy", host, str(hostvars[host].get("load_balancer_statistics", STATISTICS))
    for host in groups.get("monitors", ()):
        yield "prometheus", host, str(hostvars[host].get("prometheus_listen", PROMETHEUS))
        yield "alertmanager", host, str(hostvars[host].get("prometheus_alertmanager_listen", ALERTMANAGER))
    for host in groups.get("monitors", ())[:1] if groups.get("standby_hosts") else ():  # only one scales
        yield "autoscaler", host, str(hostvars[host].get("autoscaler_listen", AUTOSCALER))


def _address(host: str, variables: Mapping[str, Any]) -> str:
    return str(variables.get("inference_service_address") or variables.get("ansible_host") or host)


def _place(address: str, port: Any) -> str:
    """An address with a port; one of IPv6 in brackets, without which Prometheus does not know where it ends."""
    return f"[{address}]:{port}" if ":" in address and not address.startswith("[") else f"{address}:{port}"


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0]
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"monitor_targets": monitor_targets}
