"""Rules about the machine itself: system, GPUs, disk, ports."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]
GIB = 1024**3
# Where programs and libraries lie that are in no rpm.
UNPACKAGED = ("/opt/hotpath/", "/usr/libexec/hotpath/")
# By the ID of /etc/os-release. All but CentOS, which has ended, keep their own repositories (el8_repositories_base).
SYSTEMS = {
    "centos": "CentOS 8",
    "rocky": "Rocky Linux 8",
    "almalinux": "AlmaLinux 8",
    "ol": "Oracle Linux 8",
    "rhel": "RHEL 8",
}
# What is written where, in GiB. Driver, toolkit and cuDNN: sizes of NVIDIA's rpms for 11.6, unpacked, rounded up. The
# service: the virtual environment of a set (4.3 GB with TensorRT), twice, because a release is unpacked beside the one
# that runs.
DRIVER_GIB = 1.5
TOOLKIT_GIB = 7.0
CUDNN_GIB = 2.0
CACHE_GIB = 4.0
RAMDISK_GIB = 0.2  # the initial ramdisk is rebuilt beside the old one
SERVICE_GIB = {"tensorrt": 10.0, "cuda": 10.0, "torchscript": 2.5}
MODELS_GIB = 1.0


def system(survey: Survey) -> Iterator[Problem]:
    found = survey["os"]
    known = SYSTEMS.get(found["id"])
    if not known or found["version"].split(".")[0] != "8":
        yield Problem(
            "system",
            found["name"] or "unknown",
            "The roles configure Enterprise Linux 8, its dnf modules, boot entries and systemd, of the makers that "
            f"they know: {', '.join(SYSTEMS.values())}.",
            "Take the host out of the inventory, or install one of these.",
        )
    if survey["architecture"] != "x86_64":
        yield Problem(
            "architecture",
            survey["architecture"],
            "The tested sets of driver, CUDA and wheels exist for x86_64.",
            "Take the host out of the inventory.",
        )


def nouveau(survey: Survey, values: Values) -> Iterator[Problem]:
    if values.driver_version and survey["nouveau_loaded"] and not survey["container"]:
        yield Problem(
            "nouveau",
            "loaded",
            "It holds the GPU until the next boot.",
            "Let the host reboot once: reboot_mode: auto.",
            "warning",
        )


def disk(survey: Survey, values: Values) -> Iterator[Problem]:
    """Free space against what is still to be written, file system by file system.

    A host that is deployed may be given nothing new: room for another release is then asked for by the role that
    unpacks it, which knows how large it is, before it changes anything.
    """
    packages = _room_for_packages(survey, values)
    service = {"/opt/hotpath": SERVICE_GIB.get(values.service.get("backend", ""), 0.0), "/var/lib/hotpath": MODELS_GIB}
    deployed = survey.get("deployed", not packages)
    short = list(_short(survey, packages if deployed else {**packages, **service}))
    for found in short:
        yield Problem(
            "disk",
            found,
            f"The stack {values.stack_name} with the service's set {values.stack_service} is unpacked there.",
            "Enlarge the file system, or make room (dnf clean all; old releases lie in /opt/hotpath/releases).",
        )
    for found in _short(survey, {**packages, **service}) if deployed and not short else ():
        yield Problem(
            "disk",
            found,
            "That is enough for what is there, and not for another release or model beside it.",
            "Make room before the next one (old releases lie in /opt/hotpath/releases; inference_service_keep).",
            "warning",
        )


def _room_for_packages(survey: Survey, values: Values) -> dict[str, float]:
    """GiB by folder for the packages that are not there at their version; another one leaves only afterwards."""
    needs: dict[str, float] = defaultdict(float)
    installed = survey["installed"]
    if values.driver_version and not _in_place(installed, "nvidia-driver", values.driver_version):
        needs["/usr"] += DRIVER_GIB
        needs["/boot"] += RAMDISK_GIB
    if missing := [name for name in values.cuda_packages if not installed.get(name)]:
        needs["/usr/local"] += TOOLKIT_GIB * len(missing)
    if values.cudnn_package and not _in_place(installed, values.cudnn_package, values.cudnn_version):
        needs["/usr"] += CUDNN_GIB
    if needs:
        needs["/var/cache"] += CACHE_GIB
    return dict(needs)


def _in_place(installed: Mapping[str, list[str]], name: str, version: str) -> bool:
    """Whether a package is there at a version, given with or without its release."""
    plain = [evr.split(":")[-1] for evr in installed.get(name, [])]
    return any(version in (evr, evr.rsplit("-", 1)[0]) for evr in plain)


def _short(survey: Survey, needs: Mapping[str, float]) -> Iterator[str]:
    """Each file system that has not the room which is needed on it (GiB by folder), in words."""
    folders: dict[tuple[int, int], list[str]] = defaultdict(list)
    for folder in needs:
        own = next(str(path) for path in (PurePath(folder), *PurePath(folder).parents) if str(path) in survey["disks"])
        place = survey["disks"][own]
        folders[(place["device"], place["free_bytes"])].append(folder)
    for (_, free), together in sorted(folders.items(), key=lambda item: item[1]):
        needed = sum(needs[folder] for folder in together)
        if free < needed * GIB:
            yield f"{free / GIB:.1f} GiB free for {', '.join(sorted(together))}, {needed:.1f} GiB needed"


def fapolicyd(survey: Survey) -> Iterator[Problem]:
    """It lets programs and libraries run that an rpm brought; the service's come otherwise."""
    guard = survey.get("fapolicyd", {"state": "absent"})
    if guard["state"] == "absent":
        return
    denied = [path for path in UNPACKAGED if not path.startswith(tuple(guard["allowed"]))]
    if denied:
        rules = "; ".join(f"allow perm=any all : dir={path}" for path in denied)
        yield Problem(
            "fapolicyd",
            f"{guard['state']}, without a rule for {' and '.join(denied)}",
            "It denies programs and libraries that no rpm brought: the service's environment and what the roles run at "
            "boot. Trust in single files ends with the next release.",
            f"Write into /etc/fapolicyd/rules.d/35-hotpath.rules: {rules}. Then fagenrules --load. (Before fapolicyd "
            "1.1: first of all rules in /etc/fapolicyd/fapolicyd.rules, and systemctl restart fapolicyd.)",
            "error" if guard["state"] == "enforcing" else "warning",
        )


def port(survey: Survey, values: Values) -> Iterator[Problem]:
    holders = survey["listeners"].get(str(values.port), [])
    strangers = [holder for holder in holders if not holder["unit"].startswith("hotpath")]
    if strangers:
        who = ", ".join(f"{item['process']} (pid {item['pid']}, {item['unit'] or 'no unit'})" for item in strangers)
        yield Problem(
            "port",
            f"TCP {values.port} is held by {who}",
            "The service must listen there.",
            "Stop that program, or choose another inference_service_port.",
        )


def address(values: Values) -> Iterator[Problem]:
    try:
        ipaddress.IPv4Address(values.listen)
    except ValueError:
        yield Problem(
            "variables",
            f"inference_service_listen = {values.listen!r}",
            "systemd listens on an IPv4 address, and this is none.",
            "Write one of the host's addresses, or 0.0.0.0 for all of them.",
        )
