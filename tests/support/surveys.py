"""A host with nothing wrong as host_survey and host_topology found it, and the judgement of one that was changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hotpath_models import Release
from hotpath_preflight import Problem, host_problems, load_options

PROJECT = Path(__file__).resolve().parents[2]
OPTIONS = load_options(PROJECT / "roles")
RELEASE = Release.of(PROJECT / "service")
GIB = 1024**3
SOUND: dict[str, Any] = {
    "os": {"name": "CentOS Stream 8", "version": "8", "id": "centos"},
    "architecture": "x86_64",
    "glibc": "2.28",
    "pythons": ["3.6", "3.8"],
    "container": False,
    "selinux": "enforcing",
    "kernel": "4.18.0-348.7.1.el8_5.x86_64",
    "nvidia_loaded": "",
    "nouveau_loaded": False,
    "secure_boot": False,
    "enrolled_keys": {"dkms": False, "nvidia": False},
    "gpus": [{"address": "0000:65:00.0", "device": "0x2231"}],
    "nvswitches": [],
    "topology": {
        "cpus": {"online": list(range(8)), "offline": []},
        "cores": [[cpu, cpu + 4] for cpu in range(4)],
        "nodes": [{"id": 0, "cpus": list(range(8)), "memory_kib": 64 * GIB // 1024, "hugepages": [{"size_kib": 2048}]}],
        "gpus": [{"pci": "0000:65:00.0", "numa_node": 0}],
        "nics": [{"interface": "eno1", "numa_node": 0, "rx_queues": 4, "tx_queues": 4, "link": True}],
    },
    "disks": {path: {"free_bytes": 100 * GIB, "device": 1} for path in ("/", "/usr", "/opt", "/var", "/var/lib")},
    "listeners": {},
    "firewall": {
        "units": {"firewalld.service": {"load": "loaded", "enabled": "disabled", "active": "inactive"}},
        "interfaces": ["eno1", "lo"],
        "sshd": [22],
    },
    "installed": {"kernel-core": ["0:4.18.0-348.7.1.el8_5"]},
    "repositories": {"hotpath-baseos": {"address": "https://mirror/BaseOS", "problem": ""}},
    "streams": {"510-dkms": ["510.47.03"], "latest-dkms": ["530.30.02"]},
    "offered": {
        "kernel-devel": ["0:4.18.0-348.7.1.el8_5"],
        "cuda-toolkit-11-6": ["0:11.6.2-1"],
        "libcudnn8": ["0:8.4.1.50-1.cuda11.6"],
        "python38": [],
    },
}
Change = Callable[[dict[str, Any]], object]


def judge(change: Change | None = None, **variables: Any) -> list[Problem]:
    survey = copy.deepcopy(SOUND)
    if change:
        change(survey)
    return host_problems("gpu-a", {"ansible_host": "192.0.2.11", **variables}, survey, OPTIONS, RELEASE)
