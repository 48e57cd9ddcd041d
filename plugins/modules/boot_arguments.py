"""Ansible module: boot arguments of all installed kernels through grubby (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: boot_arguments
short_description: Keep boot arguments of all installed kernels
description:
  - Compares the arguments of every boot entry token by token and changes those that differ with C(grubby).
  - Arguments that nobody named, here or in O(record), are left alone. What a named one was before is remembered, and
    given back when it is no longer wanted; with nothing wanted, everything is as it was.
  - Keys that hold lists (C(modprobe.blacklist), C(console)) are added to, and only what was added is taken out again.
  - An argument that tuned adds to every entry (C(tuned_params) in O(grubenv)) is taken from it when it is wanted here.
  - In check mode only C(grubby --info) runs.
options:
  wanted:
    description: >-
      Arguments that every entry must hold, as C(key=value) or C(key), in their order; a key may come several times.
      An entry's other values of the same key go. C(!key) is one that no entry may hold.
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
import tempfile
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.boot_entries import (
    Entry,
    as_lines,
    claimed,
    differs,
    foreign,
    label,
    left_to_tuned,
    ours,
    parse_entries,
    released,
    settled,
    taken_over,
    torn,
    tuned_arguments,
)
from ansible.module_utils.boot_line import (
    LISTS,
    MANGLED,
    keys_of,
    merged,
    of_setting,
    same,
    settings_of,
    split,
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
        # grubby is a shell script that expands * in arguments by the files of its folder; this one stays empty.
        self._folder = tempfile.mkdtemp(dir=module.tmpdir)

    def _run(self, *arguments: str) -> str:
        _, out, _ = self._module.run_command([self._path] + list(arguments), check_rc=True, cwd=self._folder)
        return str(out)

    def entries(self) -> List[Entry]:
        found: List[Entry] = parse_entries(self._run("--info=ALL"))
        if not found:
            self._module.fail_json(msg="grubby --info=ALL names no kernel; look at /boot/loader/entries.")
        return found

    def default(self, entries: List[Entry]) -> Entry:
        """The entry that boots next; GRUB takes the first where the saved one is gone."""
        numbers = [entry.number for entry in parse_entries(self._run("--info=DEFAULT"))]
        return next((entry for entry in entries if entry.number in numbers), entries[0])

    def update(self, which: str, removed: List[str], added: List[str]) -> None:
        """`which` is an entry's number, or ALL for every entry and for those of kernels to come."""
        options = ["--remove-args=" + " ".join(removed)] if removed else []
        options += ["--args=" + " ".join(added)] if added else []
        self._run("--update-kernel=" + which, *options)

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


def refuse_what_grubby_mangles(module: AnsibleModule, entries: List[Entry], keys: List[str]) -> None:
    for token in module.params["wanted"]:
        if MANGLED.search(token):
            module.fail_json(
                msg="Boot argument %s holds a space or a character that grubby or GRUB's script would change. An "
                "option of a module can be set in /etc/modprobe.d instead." % token
            )
    for entry in entries:
        for token in torn(entry.args, keys):
            module.fail_json(
                msg="The boot entry of %s holds %s. grubby knows no quotes and would tear that apart while it sets %s; "
                "nothing was changed. Take it out by hand (options in /boot/loader/entries/%s.conf, kernelopts in "
                "/boot/grub2/grubenv), for example in favour of /etc/modprobe.d."
                % (label(entry, entries), token, ", ".join(keys), entry.name)
            )


def apply(loader: BootLoader, default: str, added: Dict[str, List[str]], keys: List[str]) -> None:
    """All entries, and those of later kernels, get the default entry's tokens; then entries that differ get theirs.

    `default` and the keys of `added` are entries by grubby's number.
    """
    loader.update("ALL", keys, added[default])
    for number, own in added.items():
        if own != added[default]:
            loader.update(number, keys, own)


def require_that_it_took(
    module: AnsibleModule, found: List[Entry], after: List[Entry], before: List[Entry], settings: List[str]
) -> None:
    args: Dict[str, List[str]] = {entry.number: entry.args for entry in found}
    for entry in after:
        if differs(args.get(entry.number, []), entry.args, settings):
            module.fail_json(
                msg="grubby reported success, but %s lacks some of: %s. Look at /boot/loader/entries and "
                "/boot/grub2/grubenv (it holds at most 1024 bytes)."
                % (label(entry, before), " ".join(module.params["wanted"]) or "what it held before")
            )
    for entry in before:
        harmed = sorted(set(foreign(entry.args, settings)) - set(args[entry.number]))
        if harmed:
            module.fail_json(
                msg="grubby also changed what nobody asked for: %s lost %s. Put it back in /boot/loader/entries or "
                "/boot/grub2/grubenv." % (label(entry, before), " ".join(harmed))
            )


def due(running: List[str], wanted: List[str], next_boot: List[str], setting: str, added: List[str]) -> bool:
    """Whether a setting waits for a reboot; what others add to a list does not."""
    now, tokens = of_setting(running, setting), of_setting(wanted, setting)
    listed = tokens and setting in LISTS
    return not same(now, merged(now, tokens, added) if listed else of_setting(next_boot, setting))


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
    recorded = split(text_of(record))
    gone = released(wanted, recorded)
    settings = gone + settings_of(wanted)
    keys = keys_of(settings)

    loader = BootLoader(module)
    entries = loader.entries()
    refuse_what_grubby_mangles(module, entries, keys)
    before = taken_over(json.loads(text_of(record + ".before") or "{}"), entries, wanted, recorded)
    added = {entry.number: settled(before, entry, wanted, recorded) for entry in entries}
    after = [entry._replace(args=foreign(entry.args, settings) + added[entry.number]) for entry in entries]
    stale = any(differs(entry.args, after[place].args, settings) for place, entry in enumerate(entries))
    of_tuned = tuned_arguments(text_of(module.params["grubenv"]))
    tuned_keeps = left_to_tuned(of_tuned, wanted, settings)
    default = loader.default(entries)

    if not module.check_mode:
        keep(module, record + ".before", json.dumps(before, indent=1, sort_keys=True) + "\n")
        keep(module, record, " ".join(claimed(wanted, recorded)) + "\n")
        if stale:
            apply(loader, default.number, added, keys)
            require_that_it_took(module, loader.entries(), after, entries, settings)
        if tuned_keeps != of_tuned:
            loader.leave_to_tuned(tuned_keeps)

    running = split(text_of(module.params["command_line"]))
    next_boot = after[entries.index(default)].args
    module.exit_json(
        changed=stale or tuned_keeps != of_tuned,
        removed=gone,
        pending=[
            setting
            for setting in settings
            if due(running, wanted, next_boot, setting, ours(before, default, setting, recorded))
        ],
        diff={"before": as_lines(entries), "after": as_lines(after if stale else entries)},
    )


if __name__ == "__main__":
    main()
