#!/usr/bin/python
"""Install exact package versions in one guarded dnf transaction, and lock them."""

from __future__ import absolute_import, division, print_function

DOCUMENTATION = r"""
module: pinned_packages
short_description: Install exact package versions in one guarded dnf transaction, and lock them
description:
  - Resolves the whole transaction first and refuses it when it would do what nobody asked for, so that nothing is half
    done.
  - C(dnf) with C(state=present) on a module stream may upgrade packages, and a package's dependencies may replace a
    driver or bring another kernel. Here every change is judged before the first package is downloaded.
  - When everything is in place, no repository is read.
options:
  packages:
    description: The packages wanted on the host.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of the package., type: str, required: true}
      version: {description: "Version, or version-release; empty takes any.", type: str, default: ""}
      lock: {description: Lock the package at the version that is installed., type: bool, default: true}
  stream:
    description: Module stream that must be enabled, as C(module:stream). Another enabled stream is left for it.
    type: str
    default: ""
  family:
    description:
      - Shell patterns of packages that are versioned together with these. Those of another version leave the host.
    type: list
    elements: str
    default: []
  refuse:
    description: Packages that must not come along.
    type: list
    elements: dict
    default: []
    suboptions:
      packages: {description: Shell patterns of names., type: list, elements: str, required: true}
      reason: {description: Why not., type: str, required: true}
      remedy: {description: The way out., type: str, required: true}
  repositories_pending:
    description: In check mode, packages that are not on offer are no error; the run would write the repositories first.
    type: bool
    default: false
"""

RETURN = r"""
installed:
  description: Version of each wanted package afterwards, as C(epoch:version-release).
  type: dict
  returned: always
changes:
  description: The changes of the transaction in words.
  type: list
  returned: always
stream:
  description: The enabled stream of the module in O(stream) before the run.
  type: str
  returned: always
"""

import os
from typing import Any, Dict, Iterable, List, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.dnf_transaction import Refused, run_transaction
from ansible.module_utils.rpm_pins import in_place, is_leftover, merge_locks
from ansible.module_utils.rpm_state import enabled_stream, installed_family, installed_versions

LOCK_LIST = "/etc/dnf/plugins/versionlock.list"


def all_in_place(packages: Iterable[Mapping[str, Any]], installed: Mapping[str, List[str]]) -> bool:
    return all(in_place(package["name"], package["version"], installed[package["name"]]) for package in packages)


def has_leftovers(packages: List[Dict[str, Any]], family: List[str]) -> bool:
    return any(
        is_leftover(name, evr, packages, family) for name, evrs in installed_family(family).items() for evr in evrs
    )


def read_locks() -> str:
    if not os.path.exists(LOCK_LIST):
        return ""
    with open(LOCK_LIST) as stream:
        return stream.read()


def write_locks(module: Any, text: str) -> None:
    directory = os.path.dirname(LOCK_LIST)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o755)
    temporary = os.path.join(module.tmpdir, "versionlock.list")
    with open(temporary, "w") as stream:
        stream.write(text)
    module.atomic_move(temporary, LOCK_LIST)


def locks_for(packages: Iterable[Mapping[str, Any]], installed: Mapping[str, List[str]]) -> Dict[str, str]:
    return {
        package["name"]: installed[package["name"]][0]
        for package in packages
        if package["lock"] and len(installed[package["name"]]) == 1
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "version": {"type": "str", "default": ""},
                    "lock": {"type": "bool", "default": True},
                },
            },
            "stream": {"type": "str", "default": ""},
            "family": {"type": "list", "elements": "str", "default": []},
            "refuse": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "packages": {"type": "list", "elements": "str", "required": True},
                    "reason": {"type": "str", "required": True},
                    "remedy": {"type": "str", "required": True},
                },
            },
            "repositories_pending": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    packages = module.params["packages"]
    names = [package["name"] for package in packages]
    wanted_stream = module.params["stream"]
    if wanted_stream and wanted_stream.count(":") != 1:
        module.fail_json(msg="stream '{0}' is not of the form module:stream".format(wanted_stream))
    stream = enabled_stream(wanted_stream.split(":")[0]) if wanted_stream else ""

    installed = installed_versions(names)
    result: Dict[str, Any] = {"changed": False, "changes": [], "stream": stream}
    other_stream = bool(wanted_stream) and stream != wanted_stream.split(":")[1]
    if other_stream or not all_in_place(packages, installed) or has_leftovers(packages, module.params["family"]):
        try:
            changes = run_transaction(module.params, read_locks(), dry_run=module.check_mode)
        except Refused as error:
            result["installed"] = {name: ", ".join(versions) for name, versions in installed.items()}
            if not (module.check_mode and module.params["repositories_pending"] and error.not_on_offer):
                module.fail_json(msg=str(error), **result)
            module.warn(
                "Cannot foresee the installation of {0}: the repositories are not written in check mode.".format(
                    ", ".join(names)
                )
            )
            changes = ["install " + name for name in names]
        result.update(changed=True, changes=changes)
        installed = installed_versions(names)
        if not module.check_mode and not all_in_place(packages, installed):
            module.fail_json(
                msg="dnf reported success, but the rpm database now holds {0}; wanted {1}. A script of a "
                "package failed or another program changed packages meanwhile: see /var/log/dnf.rpm.log "
                "and run again.".format(installed, packages),
                **result,
            )

    before = read_locks()
    after = merge_locks(before, locks_for(packages, installed))
    if after != before:
        result["changed"] = True
        result["diff"] = {"before": before, "after": after, "before_header": LOCK_LIST, "after_header": LOCK_LIST}
        if not module.check_mode:
            write_locks(module, after)
    result["installed"] = {name: ", ".join(versions) for name, versions in installed.items()}
    if result["changes"]:
        result["msg"] = "; ".join(result["changes"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
