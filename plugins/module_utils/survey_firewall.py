"""What filters packets on a host, and where sshd listens. Changes nothing; runs on the host's Python 3.6."""

import os
from typing import Any, Dict

from ansible.module_utils.programs import Run
from ansible.module_utils.sshd_ports import connection, sshd_ports
from ansible.module_utils.survey_machine import key_values

UNITS = (
    "firewalld.service",
    # Rules of their own. What firewalld's unit conflicts with is stopped when it starts.
    "iptables.service",
    "ip6tables.service",
    "ebtables.service",
    "nftables.service",
    "ufw.service",
    # Programs that write rules for containers.
    "docker.service",
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
)


def firewall(root: str, run: Run) -> Dict[str, Any]:
    """States of each unit, names of network interfaces, and sshd's ports."""
    shown = run(["systemctl", "show", "--property=Id,LoadState,UnitFileState,ActiveState"] + list(UNITS))
    blocks = [key_values(block) for block in shown.split("\n\n")]
    units = {
        block["Id"]: {
            "load": block.get("LoadState", ""),
            "enabled": block.get("UnitFileState", ""),
            "active": block.get("ActiveState", ""),
        }
        for block in blocks
        if block.get("LoadState", "not-found") != "not-found"
    }
    folder = os.path.join(root, "sys/class/net")
    return {
        "firewall": {
            "units": units,
            "interfaces": sorted(os.listdir(folder)) if os.path.isdir(folder) else [],
            "sshd": sshd_ports(root, run, connection(root, os.getpid())),
        }
    }
