"""Wrong inventories and variables, each with the words that must name it, its reason and its way out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.machines import XEON_A5000, Device, Machine
from support.pretence import Look

# The machines that the hosts of the table look like. "sound" has nothing wrong with it.
NIC = Device("0000:3d:00.0", 0, "eno1", 8)
LOOKS = {
    "sound": Look(XEON_A5000),
    "no-gpu": Look(Machine(1, 12, 2, 64, (NIC,)), gib_pages=False),
    "hopper": Look(Machine(1, 12, 2, 64, (Device("0000:65:00.0", 0, device_id="0x2330"), NIC))),
    "secure": Look(XEON_A5000, secure_boot=True),
    "unsettled": Look(
        XEON_A5000, setup="rpm --install --nosignature /srv/mirror/centos/8-stream/BaseOS/*/os/*/kernel-core-*553*.rpm"
    ),
    "full": Look(XEON_A5000),
}
PAINTER = str(Path(__file__).parent / "models" / "painter")
CPU_ONLY = {"stack_name": "cpu", "stack_service": "cpu"}
MINE = {
    **dict.fromkeys(("driver_version", "driver_minimum", "driver_stream", "cuda_version"), ""),
    **{"cudnn_package": "", "cudnn_version": "", "backend": "torchscript"},
    **{"python_version": "3.7", "python_package": "python37", "glibc_minimum": "2.17"},
}


@dataclass(frozen=True)
class Bad:
    """One host of the table: what is wrong with it, and what the report must say of it."""

    name: str
    words: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    look: str = "sound"
    errors: int = 1  # errors that follow from this one fault


def models(*entries: dict[str, Any]) -> dict[str, Any]:
    """The list of models; an entry that names no source takes the one that goes with the service."""
    return {"inference_service_models": [{"source": "efficientnet_lite0", **entry} for entry in entries]}


def overrides(**parts: Any) -> dict[str, Any]:
    return {"host_plan_overrides": parts}


def table(keys: dict[str, str]) -> list[Bad]:
    """Every case; `keys` are the fingerprints of the mirror whose key expired."""
    return [
        # Hugepages
        Bad(
            "pages-beyond-memory", ("40000 MiB of hugepages", "may take 32768 MiB"), {"host_plan_hugepages_mib": 40000}
        ),
        Bad(
            "pages-beyond-node",
            ("plan: hugepages take 40000 MiB of the 65536 MiB of node 0", "Ask for at most 32768 MiB"),
            overrides(hugepages=[{"numa_node": 0, "count": 20000}]),
        ),
        Bad(
            "pages-on-no-node",
            ("hugepages name node 3, which the host lacks", "It has 0"),
            overrides(hugepages=[{"numa_node": 3, "count": 8}]),
        ),
        Bad(
            "pages-of-no-size",
            ("must be one of: 2048, 1048576", "hugepages of 4096 KiB do not exist"),
            overrides(hugepages=[{"numa_node": 0, "size_kib": 4096, "count": 8}]),
            errors=2,
        ),
        Bad(
            "pages-not-offered",
            ("pages of 1048576 KiB are wanted; the kernel offers: 2048 KiB", "Choose a size_kib that is offered"),
            {**CPU_ONLY, **overrides(hugepages=[{"numa_node": 0, "size_kib": 1048576, "count": 1}])},
            look="no-gpu",
        ),
        # CPUs
        Bad(
            "cpus-overlap",
            ("CPU 0 is both in housekeeping_cpus and in cpus of cuda:0", "host_plan_policy: shared"),
            overrides(housekeeping_cpus=[0, 12], engines=[{"device": "cuda:0", "cpus": [0, 12]}]),
        ),
        Bad(
            "all-isolated",
            ("isolcpus=0-23 isolates every CPU", "left without a CPU", "Leave CPU 0"),
            {"boot_arguments_extra": {"isolcpus": "0-23"}},
        ),
        Bad(
            "boot-cpu-isolated",
            ("an engine would isolate CPU 0", "Name it in housekeeping_cpus"),
            {
                "host_plan_policy": "latency",
                **overrides(housekeeping_cpus=[1, 13], engines=[{"device": "cuda:0", "cpus": [0, 12]}]),
            },
        ),
        Bad(
            "cpu-not-there",
            ("CPU 99 is not online", "The host has 0-23"),
            overrides(housekeeping_cpus=[0, 12, 99]),
        ),
        Bad("core-split", ("splits a core: CPU 0", "Take all of 0,12 or none"), overrides(housekeeping_cpus=[0])),
        Bad(
            "unreadable-cpus",
            ("nohz_full=1to3: '1to3' is no CPU or range", "Write CPUs as 2-5,8"),
            {"boot_arguments_extra": {"nohz_full": "1to3"}},
        ),
        Bad(
            "too-many-workers",
            ("64 HTTP workers for", "Lower inference_service_workers"),
            {"inference_service_workers": 64},
        ),
        # Devices
        Bad(
            "unknown-nic",
            ("names interface eth9, which the host lacks", "It has eno1"),
            overrides(nic_queues=[{"interface": "eth9", "cpus": [1, 13]}]),
        ),
        Bad(
            "unknown-gpu",
            ("names device cuda:1, which the host lacks", "It has cuda:0"),
            overrides(engines=[{"device": "cuda:1", "cpus": [1, 13]}]),
        ),
        Bad(
            "every-gpu-left-out",
            ("host_plan_gpus_excluded leaves none of 1", "Take one out"),
            {"host_plan_gpus_excluded": ["65:00.0"]},
        ),
        Bad(
            "gpu-on-no-node",
            ("engines: cuda:0 is on node 7, which has no CPU here", "Choose among 0"),
            overrides(engines=[{"device": "cuda:0", "numa_node": 7}]),
        ),
        Bad("gpu-missing", ("no NVIDIA GPU on the PCI bus", "lspci -d 10de:"), look="no-gpu"),
        Bad(
            "hopper",
            (
                "the Hopper GPU at 0000:65:00.0 with driver 510.47.03",
                "Hopper GPU at 0000:65:00.0 (capability 9.0), set cuda11.6",
                "Choose a set whose torch has code for it: cuda12, cuda13",
            ),
            look="hopper",
            errors=2,
        ),
        # Models
        Bad(
            "model-not-there",
            ("'resnet999' is no model of this release", "Choose among efficientnet_lite0"),
            models({"source": "resnet999"}),
        ),
        Bad(
            "model-path-gone",
            ("the source /not/there does not exist on the controller", "Correct the path"),
            models({}, {"source": "/not/there"}),
        ),
        Bad(
            "model-of-no-task",
            ("painter: weights.pth of", "task = 'image-generation'", "This release knows image-classification"),
            models({}, {"source": PAINTER}),
            errors=2,
        ),
        Bad(
            "model-twice",
            ("efficientnet_lite0 is the name of 2 models", "Give all but one of them another `name`"),
            models({}, {"devices": ["cuda:0"]}),
        ),
        Bad(
            "model-name",
            ("'of two words' is no name of a model", "Begin with a letter or digit"),
            models({"name": "of two words"}),
        ),
        Bad(
            "model-on-unknown-gpu",
            ("cuda:1 is not on the host's plan, which has cuda:0 at 0000:65:00.0", "leave devices out"),
            models({"devices": ["cuda:0", "cuda:1"]}),
        ),
        Bad(
            "model-on-uuid-before-driver",
            ("GPU-5f1e7ab2 is not on the host's plan", "once the host has its driver"),
            models({"devices": ["GPU-5f1e7ab2"]}),
        ),
        Bad(
            "model-on-gpu-left-out",
            ("65:00.0 is GPU 0000:65:00.0, which has no engine in the plan", "the plan runs engines elsewhere"),
            {"host_plan_engines_on": "cpu", **models({"backend": "torchscript", "devices": ["65:00.0"]})},
        ),
        Bad(
            "onednn-on-gpu",
            ("backend onednn on cuda:0", "which run on processors alone", "devices: [cpu]"),
            models({"backend": "onednn"}),
        ),
        Bad(
            "tensorrt-without-it",
            ("backend tensorrt with the set cpu", "This set has no TensorRT"),
            {**CPU_ONLY, **models({"backend": "tensorrt"})},
            look="no-gpu",
        ),
        Bad(
            "precision-without-effect",
            ("precision int8 with the backend torchscript", "it would have no effect"),
            models({"backend": "torchscript", "precision": "int8"}),
        ),
        Bad(
            "places-beyond-queue",
            ("places add up to 300 (efficientnet_lite0 200, second 100)", "Raise inference_service_queue"),
            models({"places": 200}, {"name": "second", "places": 100}),
        ),
        Bad("no-model", ("inference_service_models is empty",), models()),
        Bad(
            "model-with-unknown-key",
            ("inference_service_models.gpus", "Supported parameters include", "devices"),
            models({"gpus": [0]}),
        ),
        Bad(
            "model-of-before",
            (
                "inference_service_backend is no variable any more",
                "Write it as backend of an entry of inference_service_models",
            ),
            {"inference_service_backend": "torchscript"},
        ),
        # Kernel and firmware
        Bad("secure-boot-dkms", ("secure boot: on", "compiled on the host", "mok.pub"), look="secure"),
        Bad(
            "secure-boot-precompiled",
            ("secure boot: on", "signed by NVIDIA", "mokutil --import"),
            {"nvidia_driver_stream": "510"},
            look="secure",
        ),
        Bad(
            "kernel-unsettled",
            ("4.18.0-348.7.1.el8_5 runs, and the next boot starts 4.18.0-553.el8", "reboot into it"),
            look="unsettled",
        ),
        # The stack
        Bad("unknown-stack", ("stack_name is 'cuda99'", "Choose one of cuda11.6"), {"stack_name": "cuda99"}, errors=2),
        Bad(
            "stack-against-driver",
            ("470.199.02, but the set cuda11.6 needs 510.39.01 or newer", "Raise nvidia_driver_version"),
            {"nvidia_driver_version": "470.199.02", "nvidia_driver_stream": "470-dkms"},
        ),
        Bad(
            "service-against-driver",
            ("510.47.03, but the set cuda12 needs 525.60.13", "no wheels are locked for the set cuda12"),
            {"stack_service": "cuda12"},
            errors=2,
        ),
        Bad(
            "stack-incomplete",
            ("the set mine in stack_table lacks backend, cuda_version", "Complete it"),
            {
                "stack_table": {
                    "cpu": {**MINE, "python_version": "3.11", "python_package": "python3.11"},
                    "mine": {"driver_version": "1.2"},
                },
                **CPU_ONLY,
            },
        ),
        Bad(
            "python-not-there",
            ("Python 3.7 is neither there nor on offer as python37", "mine-py37.txt"),
            {"stack_name": "mine", "stack_service": "mine", "stack_table": {"mine": MINE}},
            errors=2,
        ),
        Bad(
            "glibc-too-old",
            ("the wheels of the set cpu need 9.9", "Their libraries would not load"),
            {
                **CPU_ONLY,
                "stack_table": {
                    "cpu": {**MINE, "python_version": "3.11", "python_package": "python3.11", "glibc_minimum": "9.9"}
                },
            },
        ),
        Bad(
            "stream-not-on-offer",
            ("nvidia-driver has no stream 505-dkms", "The repository offers:", "510-dkms"),
            {"nvidia_driver_stream": "505-dkms"},
        ),
        Bad(
            "version-as-stream",
            ("driver stream: 510.47.03", "nvidia_driver_stream: 510-dkms beside nvidia_driver_version"),
            {"nvidia_driver_stream": "510.47.03"},
        ),
        Bad(
            "driver-not-in-stream",
            ("510.99.99 is not in stream 510-dkms", "510.108.03, 510.47.03"),
            {"nvidia_driver_version": "510.99.99"},
        ),
        Bad(
            "cudnn-for-another-cuda",
            ("8.5.0.96-1.cuda11.7 with CUDA 11.6", "ends in .cuda11.6"),
            {"cudnn_version": "8.5.0.96-1.cuda11.7"},
        ),
        Bad(
            "cudnn-not-on-offer",
            ("libcudnn8 8.4.0.27-1.cuda11.6 is not on offer", "0:8.4.1.50-1.cuda11.6"),
            {"cudnn_version": "8.4.0.27-1.cuda11.6"},
        ),
        Bad(
            "toolkit-not-on-offer",
            ("cuda-toolkit-11-5 is not on offer", "This cuDNN was built for CUDA 11.6"),
            {"cuda_toolkit_versions": ["11.5"]},
            errors=2,
        ),
        Bad(
            "metapackage",
            ("cuda-11-6 in cuda_toolkit_packages", "Name the toolkit, for example cuda-toolkit-11-6"),
            {"cuda_toolkit_packages": ["cuda-11-6"]},
        ),
        # Repositories and keys
        Bad(
            "mirror-not-there",
            ("repository: hotpath-nvidia at http://127.0.0.1:9/", "Correct the address (el8_repositories_mirror"),
            {"el8_repositories_mirror": "http://127.0.0.1:9"},
            errors=9,  # six repositories and three keys
        ),
        Bad(
            "key-expired",
            ("signing key: NVIDIA: the key", "expired on 2020-01-01", "renewed key"),
            {"el8_repositories_mirror": "file:///srv/mirror/faults/expired-key", "el8_repositories_fingerprints": keys},
        ),
        Bad(
            "key-of-another",
            ("signing key: EPEL 8:", f"expected {'0' * 40}", "Somebody may have replaced it"),
            {"el8_repositories_fingerprints": {**keys, "RPM-GPG-KEY-EPEL-8": "0" * 40}},
            errors=2,  # and NVIDIA's is not that of the other mirror
        ),
        # Names and types
        Bad(
            "misspelt",
            ("nvidia_driver_verison is no variable of any role", "Did you mean nvidia_driver_version?"),
            {"nvidia_driver_verison": "510.47.03"},
        ),
        Bad(
            "role-misspelt",
            ("inference_servce_port is no variable of any role", "Did you mean inference_service_port?"),
            {"inference_servce_port": 8000},
        ),
        Bad(
            "name-of-a-role",
            ("host_plan_colour is no variable of any role", "A variable of your own needs a name"),
            {"host_plan_colour": "red"},
        ),
        Bad("unknown-key", ("unknown cores", "cores"), overrides(cores=[0]), errors=2),
        Bad(
            "wrong-type",
            ("inference_service_port = 'http'", "cannot be converted to an int", "It is of type int"),
            {"inference_service_port": "http"},
        ),
        Bad(
            "wrong-choice",
            ("reboot_mode = 'sometimes'", "must be one of: never, auto, force"),
            {"reboot_mode": "sometimes"},
        ),
        Bad(
            "wrong-list",
            ("el8_repositories_removed_keys", "cannot be converted to a list"),
            {"el8_repositories_removed_keys": {"a": 1}},
        ),
        Bad(
            "empty-value",
            ("nvidia_driver_fabric_manager is empty", "leave it out: 'auto'"),
            {"nvidia_driver_fabric_manager": " "},
        ),
        Bad("no-port", ("inference_service_port = 70000", "between 1 and 65535"), {"inference_service_port": 70000}),
        Bad(
            "no-address",
            ("inference_service_listen = 'everywhere'", "an IPv4 address"),
            {"inference_service_listen": "everywhere"},
        ),
        # The host
        Bad(
            "port-taken",
            ("TCP 111 is held by", "rpcbind", "choose another inference_service_port"),
            {"inference_service_port": 111},
        ),
        Bad("disk-full", ("GiB free for /opt", "10.0 GiB needed", "Enlarge the file system"), look="full"),
        Bad(
            "no-such-python",
            (
                "need to set the interpreter",
                "Check that /usr/bin/python3.6 (ansible_python_interpreter) exists",
            ),
            {"ansible_python_interpreter": "/usr/bin/python3.6"},
        ),
        Bad(
            "unreachable",
            ("no answer from 127.0.0.1", "--limit 'all:!HOST'"),
            {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_common_args": ""},
        ),
    ]
