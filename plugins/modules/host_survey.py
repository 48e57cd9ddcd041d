#!/usr/bin/python
"""Look at a host without changing it: what it is, what it has, what it can install."""

from __future__ import absolute_import, division, print_function

DOCUMENTATION = r"""
module: host_survey
short_description: Look at a host without changing it
description:
  - Reads what decides whether a host can become an inference host. Judging is left to the filter C(preflight_problems).
options:
  subjects:
    description: What to look at.
    type: list
    elements: str
    choices: [system, kernel, pci, memory, disks, ports, firewall, packages, repositories]
    default: [system, kernel, pci, memory, disks, ports, firewall, packages, repositories]
  ports:
    description: TCP ports whose listeners are wanted.
    type: list
    elements: int
    default: []
  repositories:
    description: Repositories to look into, each with C(id) and C(address); the host's dnf need not know them.
    type: list
    elements: dict
    default: []
  packages:
    description:
      - Packages that are wanted, each with C(name), C(version) and the C(repository) to find it in (an id of
        O(repositories)).
    type: list
    elements: dict
    default: []
  timeout:
    description: Seconds to wait for an answer of a repository.
    type: int
    default: 10
  root:
    description: Root of the file system to look at; for tests.
    type: path
    default: /
"""

RETURN = r"""
gpus: {description: "NVIDIA GPUs on the PCI bus, each with address and device.", type: list, returned: pci}
kernel: {description: The running kernel., type: str, returned: kernel}
next_kernel: {description: "The kernel that the next boot starts, empty when unknown.", type: str, returned: kernel}
installed:
  description: Installed versions of each wanted package and of each part of a kernel, by name.
  type: dict
  returned: packages
repositories: {description: "By id: address, problem (empty when it answers).", type: dict, returned: repositories}
streams:
  description: Streams of the module nvidia-driver with their driver versions; none when it could not be told.
  type: dict
  returned: repositories
offered:
  description: Versions on offer of each wanted package that is not installed; none when it could not be told.
  type: dict
  returned: repositories
"""

import re
import sys
from typing import Any, Callable, Dict, List, Mapping

from ansible.module_utils import survey_boot, survey_fapolicyd, survey_firewall, survey_machine, survey_ports
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_dnf import without_credentials
from ansible.module_utils.programs import answers
from ansible.module_utils.repository_metadata import Repository, Unreadable, fetcher
from ansible.module_utils.rpm_pins import is_kernel_part, version_matches
from ansible.module_utils.rpm_state import installed_family, installed_versions

SUBJECTS = ["system", "kernel", "pci", "memory", "disks", "ports", "firewall", "packages", "repositories"]


def socket_unit(module: Any) -> Callable[[int], str]:
    """A function that names the socket unit which listens on a port."""

    def name(port: int) -> str:
        code, out, _ = module.run_command(["systemctl", "list-sockets", "--no-legend", "--no-pager"])
        units = re.findall(r":{0}\s+(\S+)".format(port), out) if code == 0 else []
        return units[0] if units else ""

    return name


def wanted_packages(packages: List[Dict[str, str]]) -> Dict[str, Any]:
    """Which wanted packages are there, and which parts of kernels, by name: the installed versions."""
    names = sorted({package["name"] for package in packages} | {"kernel-core", "nvidia-driver"})
    kernels = {name: evrs for name, evrs in installed_family(["kernel*"]).items() if is_kernel_part(name)}
    return {"installed": dict(kernels, **installed_versions(names))}


def missing(packages: List[Dict[str, str]], installed: Mapping[str, List[str]], repository: str) -> List[str]:
    return sorted(
        {
            package["name"]
            for package in packages
            if package["repository"] == repository
            and not any(version_matches(package["version"], evr) for evr in installed[package["name"]])
        }
    )


def look_into_repositories(module: Any, installed: Mapping[str, List[str]]) -> Dict[str, Any]:
    """Whether each repository answers, and what it offers of the packages that are not installed."""
    found: Dict[str, Dict[str, str]] = {}
    offered: Dict[str, Any] = {}
    streams: Dict[str, List[str]] = {}
    for item in module.params["repositories"]:
        found[item["id"]] = {"address": without_credentials(item["address"]), "problem": ""}
        names = missing(module.params["packages"], installed, item["id"])
        try:
            repository = Repository(item["address"], fetcher(module.params["timeout"]))
            for stream, versions in repository.streams("nvidia-driver", "nvidia-driver").items():
                streams[stream] = sorted({*streams.get(stream, []), *versions})
            if names:
                offered.update(repository.versions(names))
        except Unreadable as problem:
            found[item["id"]]["problem"] = str(problem)
            offered.update({name: None for name in names})
    silent = any(repository["problem"] for repository in found.values())
    return {"repositories": found, "offered": offered, "streams": streams or (None if silent else {})}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "subjects": {"type": "list", "elements": "str", "choices": SUBJECTS, "default": SUBJECTS},
            "ports": {"type": "list", "elements": "int", "default": []},
            "repositories": {"type": "list", "elements": "dict", "default": []},
            "packages": {"type": "list", "elements": "dict", "default": []},
            "timeout": {"type": "int", "default": 10},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    subjects, root = set(module.params["subjects"]), module.params["root"]
    readers = {
        "system": survey_machine.operating_system,
        "kernel": survey_machine.kernel,
        "pci": survey_machine.pci,
        "memory": survey_machine.memory,
        "disks": survey_machine.disks,
    }
    result: Dict[str, Any] = {"changed": False}
    for subject in sorted(subjects & set(readers)):
        result.update(readers[subject](root))
    if "system" in subjects:
        result.update(survey_fapolicyd.fapolicyd(root))
    if "kernel" in subjects:
        result["next_kernel"] = survey_boot.next_kernel(root, module)
    if "ports" in subjects:
        result["listeners"] = survey_ports.listeners(root, module.params["ports"], socket_unit(module))
    if "firewall" in subjects:
        result.update(survey_firewall.firewall(root, answers(module)))
    if subjects & {"packages", "repositories"}:
        try:
            result.update(wanted_packages(module.params["packages"]))
        except ImportError as error:
            module.fail_json(
                msg="{0} cannot ask rpm ({1}), whose bindings belong to the system's own Python. Set "
                "ansible_python_interpreter to /usr/libexec/platform-python.".format(sys.executable, error)
            )
    if "repositories" in subjects:
        result.update(look_into_repositories(module, result["installed"]))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
