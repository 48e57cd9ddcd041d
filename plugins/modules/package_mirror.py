#!/usr/bin/python
"""Copy exactly the packages that hosts will need out of repositories, with metadata and keys."""

from __future__ import absolute_import, division, print_function

DOCUMENTATION = r"""
module: package_mirror
short_description: Copy exactly the packages that hosts will need out of repositories, with metadata and keys
description:
  - Resolves each set of packages in an empty system, so that the copy holds whatever a bare host may lack, and copies
    the packages into the folders of a mirror. Signatures are checked against keys that were accepted by fingerprint.
  - The metadata is the repositories' own, less the packages that were not copied, module streams included.
  - Metadata is written after the packages that it names, so a run that was killed leaves the earlier mirror usable.
  - Needs dnf on this machine; the repositories that dnf is configured to are not used.
options:
  path: {description: Root of the mirror., type: path, required: true}
  repositories:
    description: Repositories to copy from, each with C(id), C(address) and the C(folder) of the mirror.
    type: list
    elements: dict
    required: true
  keys:
    description: Keys that sign them, each with C(name), C(source), C(fingerprint) and its C(file) in the mirror.
    type: list
    elements: dict
    required: true
  sets:
    description:
      - What a host needs, each set with C(packages) (C(name), C(version)) and C(stream), a module stream that is
        enabled for it or empty. Sets are resolved apart, because only one stream can be enabled.
    type: list
    elements: dict
    required: true
  platform: {description: The platform of module streams., type: str, default: "platform:el8"}
"""

RETURN = r"""
packages: {description: Number of packages in the mirror., type: int, returned: success}
bytes: {description: Their size., type: int, returned: success}
added: {description: Packages that were copied in this run., type: list, returned: success}
removed: {description: Files of an earlier run that are no longer needed., type: list, returned: success}
"""

import os
from typing import Any, Callable, Dict, List, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.dnf_offers import Refused
from ansible.module_utils.mirror_tree import MirrorTree, Stranger
from ansible.module_utils.package_closure import Closure, Found
from ansible.module_utils.repository_metadata import Repository, Unreadable, fetcher
from ansible.module_utils.repository_subset import metadata_files
from ansible.module_utils.signing_keys import KeyProblem, judged_key


def accepted_keys(module: Any) -> Dict[str, bytes]:
    """File in the mirror -> armored key; ends the module with every key that cannot be trusted."""
    found, problems = {}, []
    for entry in module.params["keys"]:
        try:
            _, found[entry["file"]] = judged_key(module, entry)
        except KeyProblem as problem:
            problems.append("{0}: {1}.".format(entry["name"], problem))
    if problems:
        module.fail_json(msg="Nothing was copied. " + " ".join(problems))
    return found


def closure(module: Any, keys: Mapping[str, bytes]) -> Dict[str, Dict[str, Found]]:
    """Repository -> location -> package, over all sets."""
    root = os.path.join(module.tmpdir, "system")
    found: Dict[str, Dict[str, Found]] = {item["id"]: {} for item in module.params["repositories"]}
    solver = Closure(root, module.params["repositories"], module.params["platform"])
    for number, content in enumerate(keys.values()):
        path = os.path.join(module.tmpdir, "key-{0}.asc".format(number))
        with open(path, "wb") as stream:
            stream.write(content)
        module.run_command(["rpm", "--root", root, "--import", path], check_rc=True)
    for wanted in module.params["sets"]:
        for package in solver.packages(wanted["packages"], wanted["stream"], download=not module.check_mode):
            found[package.repository][package.location] = package
    return found


def mirror(
    tree: MirrorTree, item: Mapping[str, str], found: Mapping[str, Found], fetch: Callable[[str], bytes]
) -> None:
    """Bring one repository of the mirror to what was found for it."""
    for location, package in sorted(found.items()):
        tree.copy(package.path, os.path.join(item["folder"], location), package.name)
    names = {package.name for package in found.values()}
    files = metadata_files(Repository(item["address"], fetch), set(found), names)
    for name, content in files.items():  # repomd.xml is the last
        tree.write(os.path.join(item["folder"], "repodata", name), content)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "repositories": {"type": "list", "elements": "dict", "required": True},
            "keys": {"type": "list", "elements": "dict", "required": True, "no_log": False},
            "sets": {"type": "list", "elements": "dict", "required": True},
            "platform": {"type": "str", "default": "platform:el8"},
        },
        supports_check_mode=True,
    )
    keys = accepted_keys(module)
    try:
        tree = MirrorTree(module.params["path"], dry_run=module.check_mode)
        found = closure(module, keys)
        for name, content in keys.items():
            tree.write(os.path.join("keys", name), content)
        for item in module.params["repositories"]:
            mirror(tree, item, found[item["id"]], fetcher(60))
        removed = tree.remove_others()
    except (Refused, Stranger, Unreadable) as error:
        module.fail_json(msg=str(error))
    packages: List[Found] = [package for part in found.values() for package in part.values()]
    module.exit_json(
        changed=bool(tree.changed or removed),
        packages=len(packages),
        bytes=sum(package.size for package in packages),
        added=tree.added,
        removed=removed,
    )


if __name__ == "__main__":
    main()
