"""Ansible module: boot arguments of all installed kernels through grubby (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: boot_arguments
short_description: Keep boot arguments of all installed kernels
description:
  - Compares the arguments of every boot entry token by token and changes those that differ with C(grubby).
  - Arguments that nobody named, here or in O(record), are left alone. What a named one was before is remembered, and
    given back when it is no longer wanted; with nothing wanted, everything is as it was.
  - An argument that tuned adds to every entry (C(tuned_params) in O(grubenv)) is taken from it when it is wanted here.
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
      File with the arguments that are wanted, on one line; the caller writes it afterwards. A file beside it, with
      C(.before), remembers what they replaced. Both are written before anything is changed.
    type: path
    required: true
  grubenv:
    description: The boot loader's variables.
    type: path
    default: /boot/grub2/grubenv
  command_line:
    description: What the running kernel was started with.
    type: path
    default: /proc/cmdline
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
pending:
  description: Keys that the running kernel was started with other values of, so that a reboot is needed.
  type: list
  elements: str
  returned: always
"""

import json
import os
from typing import Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.boot_entries import (
    Before,
    Entries,
    applied,
    as_lines,
    claimed,
    differs,
    given_back,
    key_of,
    of_key,
    parse_entries,
    repeated_keys,
    taken_over,
    tuned_arguments,
)


def text_of(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path) as stream:
        return stream.read()


class BootLoader:
    """The calls of grubby and grub2-editenv that are used."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = module.get_bin_path("grubby")
        if self._path is None:
            module.fail_json(msg="grubby is missing, so boot arguments cannot be set. Install the package grubby.")

    def entries(self) -> Entries:
        _, out, _ = self._module.run_command([self._path, "--info=ALL"], check_rc=True)
        found = parse_entries(out)
        if not found:
            self._module.fail_json(msg="grubby --info=ALL names no kernel; look at /boot/loader/entries.")
        return found

    def update(self, kernel: str, removed: List[str], added: List[str]) -> None:
        """`kernel` is a kernel's path or ALL."""
        command = [self._path, "--update-kernel=" + kernel]
        command += ["--remove-args=" + " ".join(removed)] if removed else []
        command += ["--args=" + " ".join(added)] if added else []
        self._module.run_command(command, check_rc=True)

    def leave_to_tuned(self, args: List[str]) -> None:
        command = ["grub2-editenv", self._module.params["grubenv"], "set", "tuned_params=" + " ".join(args)]
        self._module.run_command(command, check_rc=True)


def keep(module: AnsibleModule, path: str, text: str) -> None:
    """Whole or not at all, and only where it differs."""
    if text_of(path) == text:
        return
    temporary = os.path.join(module.tmpdir, "kept")
    with open(temporary, "w") as stream:
        stream.write(text)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path), 0o755)
    module.atomic_move(temporary, path)
    os.chmod(path, 0o644)


def changes(before: Before, entries: Entries, wanted: List[str], released: List[str]) -> Dict[str, Tuple[str, ...]]:
    """The tokens to add by kernel, or by ALL where every kernel gets the same."""
    added = {kernel: tuple(given_back(before, kernel, released) + wanted) for kernel in entries}
    return {"ALL": next(iter(added.values()))} if len(set(added.values())) == 1 else added


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "str", "required": True},
            "record": {"type": "path", "required": True},
            "grubenv": {"type": "path", "default": "/boot/grub2/grubenv"},
            "command_line": {"type": "path", "default": "/proc/cmdline"},
        },
        supports_check_mode=True,
    )
    wanted, record = module.params["wanted"], module.params["record"]
    if repeated_keys(wanted):
        module.fail_json(
            msg="Boot argument %s is wanted twice; grubby keeps one value of a key, so name each key once."
            % ", ".join(repeated_keys(wanted))
        )
    recorded = text_of(record).split()
    released = sorted({key_of(token) for token in recorded} - {key_of(token) for token in wanted})
    keys = released + [key_of(token) for token in wanted]

    loader = BootLoader(module)
    entries = loader.entries()
    before = taken_over(json.loads(text_of(record + ".before") or "{}"), entries, wanted, recorded)
    after = {
        kernel: applied(args, wanted, released, given_back(before, kernel, released))
        for kernel, args in entries.items()
    }
    stale = [kernel for kernel, args in entries.items() if differs(args, after[kernel], keys)]
    of_tuned = tuned_arguments(text_of(module.params["grubenv"]))
    left_to_tuned = [token for token in of_tuned if key_of(token) not in keys]

    if not module.check_mode:
        keep(module, record + ".before", json.dumps(before, indent=1, sort_keys=True) + "\n")
        keep(module, record, " ".join(claimed(wanted, recorded)) + "\n")
        if stale:
            for kernel, added in changes(before, entries, wanted, released).items():
                loader.update(kernel, keys, list(added))
            found = loader.entries()
            short = [kernel for kernel, args in found.items() if differs(args, after[kernel], keys)]
            if short:
                module.fail_json(
                    msg="grubby reported success, but %s lacks some of: %s. Look at /boot/loader/entries and "
                    "/boot/grub2/grubenv (it holds at most 1024 bytes)." % (", ".join(short), " ".join(wanted))
                )
        if left_to_tuned != of_tuned:
            loader.leave_to_tuned(left_to_tuned)

    running = text_of(module.params["command_line"]).split()
    first = next(iter(after.values()))
    module.exit_json(
        changed=bool(stale) or left_to_tuned != of_tuned,
        removed=released,
        pending=[key for key in keys if of_key(running, key) != of_key(first, key)],
        diff={"before": as_lines(entries), "after": as_lines(after if stale else entries)},
    )


if __name__ == "__main__":
    main()
