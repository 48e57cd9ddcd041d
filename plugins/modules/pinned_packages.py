#!/usr/bin/python
"""Install exact package versions in one guarded dnf transaction, and lock them; or remove them again."""

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
    default: []
    suboptions:
      name: {description: Name of the package., type: str, required: true}
      version: {description: "Version, or version-release; empty takes any.", type: str, default: ""}
      lock: {description: Lock the package at the version that is installed., type: bool, default: true}
  state:
    description:
      - With C(absent) every package of O(family) leaves besides those of O(retire), their locks go and the module of
        O(stream) is reset.
    type: str
    choices: [present, absent]
    default: present
  stream:
    description: Module stream that must be enabled, as C(module:stream). Another enabled stream is left for it.
    type: str
    default: ""
  family:
    description:
      - Shell patterns of packages that are versioned together with these. Those of another version leave the host, and
        others of this version are locked too.
    type: list
    elements: str
    default: []
  retire:
    description:
      - Shell patterns of packages that leave, with what only they needed, when they are locked and no longer wanted.
        One that was installed without a lock is somebody else's and stays.
    type: list
    elements: str
    default: []
  guard_kernel:
    description:
      - Version of a kernel of which every installed part is locked besides O(packages), so that an update passes these
        by and brings no other kernel. Empty drops such locks; left out, they stay as they are.
    type: str
  refuse:
    description: Packages that must not come along.
    type: list
    elements: dict
    default: []
    suboptions:
      packages: {description: Shell patterns of names., type: list, elements: str, required: true}
      reason: {description: Why not., type: str, required: true}
      remedy: {description: The way out., type: str, required: true}
  planned:
    description:
      - Repositories that a check mode has not written, so that it resolves as the run will.
    type: dict
    suboptions:
      repositories:
        description: Those that will be there, each with C(id) and C(address).
        type: list
        elements: dict
        required: true
      replaced:
        description: Shell patterns of repository files that will be gone.
        type: list
        elements: str
        required: true
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
cause:
  description: Why the transaction was refused.
  type: str
  returned: failure
remedy:
  description: The way out.
  type: str
  returned: failure
stream:
  description: The enabled stream of the module in O(stream) before the run.
  type: str
  returned: always
"""

from typing import Any, Dict, List, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.dnf_offers import Refused
from ansible.module_utils.dnf_transaction import run_transaction
from ansible.module_utils.lock_list import LOCK_LIST, read_locks, write_locks
from ansible.module_utils.rpm_pins import (
    all_in_place,
    family_locks,
    is_kernel_part,
    is_leftover,
    kernel_locks,
    locks_for,
    matches_any,
    merge_locks,
    parse_locks,
)
from ansible.module_utils.rpm_state import enabled_stream, installed_family, installed_versions

SPEC = {
    "packages": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "default": ""},
            "lock": {"type": "bool", "default": True},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "stream": {"type": "str", "default": ""},
    "family": {"type": "list", "elements": "str", "default": []},
    "retire": {"type": "list", "elements": "str", "default": []},
    "guard_kernel": {"type": "str"},
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
    "planned": {
        "type": "dict",
        "options": {
            "repositories": {"type": "list", "elements": "dict", "required": True},
            "replaced": {"type": "list", "elements": "str", "required": True},
        },
    },
}


def has_leftovers(packages: List[Dict[str, Any]], family: List[str]) -> bool:
    return any(
        is_leftover(name, evr, packages, family) for name, evrs in installed_family(family).items() for evr in evrs
    )


def leaving(params: Mapping[str, Any], lock_text: str) -> List[str]:
    """Names of the installed packages that must leave: those that were locked and are retired, or the whole family."""
    wanted = {package["name"] for package in params["packages"]}
    retired = [name for name in parse_locks(lock_text) if matches_any(name, params["retire"]) and name not in wanted]
    found = {name for name, versions in installed_versions(retired).items() if versions}
    if params["state"] == "absent":
        found.update(installed_family(params["family"]))
    return sorted(found)


def dropped_locks(params: Mapping[str, Any], lock_text: str) -> List[str]:
    """Names whose locks go: their packages leave, or nobody guards them any more."""
    patterns = params["retire"] + params["family"]
    wanted = {package["name"] for package in params["packages"] if package["lock"]}
    kernel_too = params["guard_kernel"] is not None
    return [
        name
        for name in parse_locks(lock_text)
        if (matches_any(name, patterns) or (kernel_too and is_kernel_part(name))) and name not in wanted
    ]


def transact(module: Any, request: Mapping[str, Any], result: Dict[str, Any]) -> None:
    """Run the transaction, or foresee it in check mode; ends the module where it is refused."""
    names = [package["name"] for package in request["packages"]]
    try:
        changes = run_transaction(request, read_locks(), dry_run=module.check_mode)
    except Refused as error:
        module.fail_json(msg=str(error), cause=error.cause, remedy=error.remedy, **result)
    result.update(changed=True, changes=changes)
    installed = installed_versions(names)
    if not module.check_mode and not all_in_place(request["packages"], installed):
        module.fail_json(
            msg="dnf reported success, but the rpm database now holds {0}; wanted {1}. A script of a "
            "package failed or another program changed packages meanwhile: see /var/log/dnf.rpm.log "
            "and run again.".format(installed, request["packages"]),
            **result,
        )


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    packages, absent = module.params["packages"], module.params["state"] == "absent"
    wanted_stream = module.params["stream"]
    if wanted_stream and wanted_stream.count(":") != 1:
        module.fail_json(msg="stream '{0}' is not of the form module:stream".format(wanted_stream))
    if absent and packages:
        module.fail_json(msg="with state: absent the family leaves; packages must be empty")
    module_name, _, wanted_stream = wanted_stream.partition(":")
    stream = enabled_stream(module_name) if module_name else ""

    installed = installed_versions(package["name"] for package in packages)
    text = {name: ", ".join(versions) for name, versions in installed.items()}
    result: Dict[str, Any] = {"changed": False, "changes": [], "stream": stream, "installed": text}
    before = read_locks()
    reset = module_name if absent and stream else ""
    request = dict(module.params, leaving=leaving(module.params, before), reset=reset)
    other_stream = bool(module_name) and not absent and stream != wanted_stream
    in_place = all_in_place(packages, installed) and not has_leftovers(packages, [] if absent else request["family"])
    if other_stream or request["reset"] or request["leaving"] or not in_place:
        transact(module, request, result)
        installed = installed_versions(package["name"] for package in packages)

    guarded = module.params["guard_kernel"]
    locks = kernel_locks(guarded, installed_family(["kernel*"])) if guarded else {}
    if not absent:
        beside = family_locks(packages, request["family"], installed_family(request["family"]))
        # A lock is the mark of what a later run retires, so what may retire gets none for being there.
        locks.update({name: evr for name, evr in beside.items() if not matches_any(name, request["retire"])})
    locks.update(locks_for(packages, installed))
    after = merge_locks(before, locks, dropped_locks(module.params, before))
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
