"""Ansible module: boot arguments of all installed kernels through grubby (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: boot_arguments
short_description: Keep boot arguments of all installed kernels
description:
  - Compares the arguments of every boot entry token by token and changes those that differ with C(grubby).
  - Arguments that nobody named, here or in O(record), are left alone.
  - In check mode only C(grubby --info) runs.
options:
  wanted:
    description: >-
      Arguments that every entry must hold, as C(key=value) or C(key). An entry's other values of the same key go.
    type: list
    elements: str
    required: true
  record:
    description: >-
      File with the arguments that an earlier run wanted, on one line. Those that are no longer wanted are removed.
    type: path
    required: true
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Isolate the CPUs of the GPU engines
  boot_arguments:
    wanted: ["isolcpus=2,14", "nohz_full=2,14"]
    record: /etc/hotpath/boot-arguments
"""

RETURN = r"""
removed:
  description: Keys that an earlier run set and that are no longer wanted.
  type: list
  elements: str
  returned: always
"""

import os
import re
import shlex
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule

ENTRY = re.compile(r'^kernel="?(?P<kernel>[^"\n]+)"?\nargs="(?P<args>.*)"$', re.MULTILINE)


def key_of(token: str) -> str:
    return token.partition("=")[0]


def repeated_keys(tokens: List[str]) -> List[str]:
    keys = [key_of(token) for token in tokens]
    return sorted({key for key in keys if keys.count(key) > 1})


def parse_entries(info: str) -> Dict[str, List[str]]:
    """Arguments by kernel from the answer of `grubby --info=ALL`."""
    return {match.group("kernel"): shlex.split(match.group("args")) for match in ENTRY.finditer(info)}


def differs(args: List[str], wanted: List[str], removed: List[str]) -> bool:
    """Whether an entry holds a wanted key with another value, twice or not at all, or a key that must go."""
    for token in wanted:
        if [arg for arg in args if key_of(arg) == key_of(token)] != [token]:
            return True
    return any(key_of(arg) in removed for arg in args)


def applied(args: List[str], wanted: List[str], removed: List[str]) -> List[str]:
    """The arguments that an entry will have."""
    gone = set(removed) | {key_of(token) for token in wanted}
    return [arg for arg in args if key_of(arg) not in gone] + wanted


def recorded(path: str) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path) as stream:
        return stream.read().split()


def as_lines(entries: Dict[str, List[str]]) -> str:
    return "".join("%s: %s\n" % (kernel, " ".join(args)) for kernel, args in sorted(entries.items()))


class Grubby:
    """The two calls of grubby that are used."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = module.get_bin_path("grubby")
        if self._path is None:
            module.fail_json(msg="grubby is missing, so boot arguments cannot be set. Install the package grubby.")

    def entries(self) -> Dict[str, List[str]]:
        _, out, _ = self._module.run_command([self._path, "--info=ALL"], check_rc=True)
        found = parse_entries(out)
        if not found:
            self._module.fail_json(msg="grubby --info=ALL names no kernel; look at /boot/loader/entries.")
        return found

    def update(self, wanted: List[str], removed: List[str]) -> None:
        command = [self._path, "--update-kernel=ALL"]
        command += ["--remove-args=" + " ".join(removed + [key_of(token) for token in wanted])]
        command += ["--args=" + " ".join(wanted)] if wanted else []
        self._module.run_command(command, check_rc=True)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "str", "required": True},
            "record": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params["wanted"]
    if repeated_keys(wanted):
        module.fail_json(
            msg="Boot argument %s is wanted twice; grubby keeps one value of a key, so name each key once."
            % ", ".join(repeated_keys(wanted))
        )
    keys = {key_of(token) for token in wanted}
    removed = sorted({key_of(token) for token in recorded(module.params["record"])} - keys)
    grubby = Grubby(module)
    before = grubby.entries()
    changed = any(differs(args, wanted, removed) for args in before.values())
    after = {kernel: applied(args, wanted, removed) for kernel, args in before.items()} if changed else before
    if changed and not module.check_mode:
        grubby.update(wanted, removed)
        short = [kernel for kernel, args in grubby.entries().items() if differs(args, wanted, removed)]
        if short:
            module.fail_json(
                msg="grubby reported success, but %s lacks some of: %s. Look at /boot/loader/entries and "
                "/boot/grub2/grubenv (it holds at most 1024 bytes)." % (", ".join(short), " ".join(wanted))
            )
    module.exit_json(changed=changed, removed=removed, diff={"before": as_lines(before), "after": as_lines(after)})


if __name__ == "__main__":
    main()
