"""Filter of the role load_balancer: the inference hosts of an inventory, as a balancer has to know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["FilterModule", "inference_hosts"]

# Defaults of the role inference_service, which a play on the balancers does not load.
PORT = 8000
MAX_BATCH = 8
# The group of hosts that are provisioned like all others, and out of rotation until they are asked for.
STANDBY = "standby_hosts"
# One batch is computed while the next one gathers; what is more waits where any host may take it.
BATCHES = 2


def inference_hosts(variables: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name, address, port, connections and whether it stands by of each host, from the variables of each; by name."""
    found = [
        {
            "name": host["inventory_hostname"],
            "address": host.get("inference_service_address") or host.get("ansible_host") or host["inventory_hostname"],
            "port": int(host.get("inference_service_port", PORT)),
            "connections": BATCHES * int(host.get("inference_service_max_batch", MAX_BATCH)),
            "standby": STANDBY in host.get("group_names", []),
        }
        for host in variables
    ]
    return sorted(found, key=lambda host: str(host["name"]))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"inference_hosts": inference_hosts}
