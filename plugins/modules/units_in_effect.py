"""Ansible module: units that are started anew where what they set does not hold (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: units_in_effect
short_description: Have units enabled, running, and their effect on the host in force
description:
  - A unit of type oneshot stays active when somebody changes what it had set, and a daemon goes on with what it was
    started from when its files change. So each unit comes with the commands that ask whether its effect holds, and is
    started anew when one of them says no. The commands are then asked again, and the module fails with their answer
    when it is still no.
  - Nothing depends on what an earlier task or run changed, so a run that was stopped anywhere is completed by the
    next one.
  - systemd reads its units again when one of them differs from its file.
options:
  units:
    description: The units, in the order in which they are started.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The unit. C(init.scope) is systemd itself.
        type: str
        required: true
      holds:
        description: Commands, no shell, that end with 0 when the unit's effect holds, and otherwise say what does not.
        type: list
        elements: str
        default: []
      otherwise:
        description: What does not hold, for commands that say nothing.
        type: str
        default: ""
      renew:
        description: How the effect is brought about anew.
        type: str
        choices: [restart, reload, daemon-reload]
        default: restart
      start:
        description: Whether the unit is to run now, and not only at the next boot.
        type: bool
        default: true
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Have the pages reserved, now and at every boot
  units_in_effect:
    units:
      - name: hotpath-hugepages.service
        holds: [/usr/libexec/hotpath/hugepages --check 0:2048:64]
        renew: reload
"""

RETURN = r"""
words:
  description: What was done and why, a sentence for each act; in check mode what would be.
  type: list
  elements: str
  returned: always
"""

import shlex
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

PROPERTIES = ("LoadState", "UnitFileState", "ActiveState", "NeedDaemonReload")
MANAGER = "init.scope"
LOG_LINES = "8"
Unit = Dict[str, Any]


def parse_units(text: str) -> List[Dict[str, str]]:
    """Properties of each unit, in order, from the answer of `systemctl show`, which parts units by empty lines."""
    blocks = text.strip().split("\n\n")
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]


class Host:
    """The units as systemd knows them; an act is only noted in check mode."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._systemctl = module.get_bin_path("systemctl", required=True)
        self.words: List[str] = []

    def show(self, names: List[str]) -> Dict[str, Dict[str, str]]:
        """Properties by the name that was asked for, which may be another than the unit's own."""
        command = [self._systemctl, "show", "--property=" + ",".join(PROPERTIES)] + names
        _, out, _ = self._module.run_command(command, check_rc=True)
        shown = iter(parse_units(out))
        return {name: next(shown) for name in names}

    def act(self, word: str, *arguments: str) -> None:
        self.words.append(word)
        if self._module.check_mode:
            return
        code, _, error = self._module.run_command([self._systemctl] + list(arguments))
        if code != 0:
            self.fail("systemctl %s failed: %s" % (" ".join(arguments), error.strip()), arguments[-1])

    def objection(self, unit: Unit) -> str:
        """What does not hold of the unit's effect, empty when all of it does."""
        for command in unit["holds"]:
            try:
                code, out, error = self._module.run_command(shlex.split(command), handle_exceptions=False)
            except OSError as reason:
                return "%s cannot be run (%s)" % (command, reason.strerror)
            if code != 0:
                return "; ".join((error.strip() or out.strip() or unit["otherwise"]).splitlines())
        return ""

    def fail(self, message: str, name: str) -> None:
        """Stop with the unit's last words, which name the cause better than systemctl does."""
        command = ["journalctl", "--boot", "--unit", name, "--lines", LOG_LINES, "--output", "cat", "--no-pager"]
        _, log, _ = self._module.run_command(command)
        self._module.fail_json(msg="%s\nThe last lines of its log:\n%s" % (message, log.strip()), words=self.words)


def refuse_masked(module: AnsibleModule, name: str, state: Dict[str, str]) -> None:
    if state["LoadState"] == "masked":
        module.fail_json(
            msg="%s is masked, so nothing can start it. Somebody wanted that: find out why, then "
            "'systemctl unmask %s' and run again." % (name, name)
        )


def settle(host: Host, module: AnsibleModule, unit: Unit, state: Dict[str, str]) -> None:
    """Have one unit enabled, active, and what it sets in force."""
    name = unit["name"]
    refuse_masked(module, name, state)
    if state["LoadState"] == "not-found" and module.check_mode:  # a first run
        host.words.append("%s is installed and started" % name)
        return
    if name != MANAGER and state["UnitFileState"] != "enabled":
        host.act("%s starts at every boot" % name, "enable", name)
    if not unit["start"]:
        return
    if state["ActiveState"] != "active":
        host.act("%s was %s and is started" % (name, state["ActiveState"]), "start", name)
    else:
        objection = host.objection(unit)
        if not objection:
            return
        renewal = [unit["renew"]] if unit["renew"] == "daemon-reload" else [unit["renew"], name]
        host.act("%s is applied again: %s" % (name, objection), *renewal)
    if not module.check_mode:
        objection = host.objection(unit)
        if objection:
            host.fail("%s was started anew, and still: %s" % (name, objection), name)


def main() -> None:
    unit = {
        "name": {"type": "str", "required": True},
        "holds": {"type": "list", "elements": "str", "default": []},
        "otherwise": {"type": "str", "default": ""},
        "renew": {"type": "str", "choices": ["restart", "reload", "daemon-reload"], "default": "restart"},
        "start": {"type": "bool", "default": True},
    }
    module = AnsibleModule(
        argument_spec={"units": {"type": "list", "elements": "dict", "required": True, "options": unit}},
        supports_check_mode=True,
    )
    host = Host(module)
    names = [unit["name"] for unit in module.params["units"]]
    states = host.show(names) if names else {}
    changed = sorted(name for name in states if states[name]["NeedDaemonReload"] == "yes")
    if changed:
        host.act("systemd reads its units again: the files of %s changed" % ", ".join(changed), "daemon-reload")
        states = host.show(names)
    for unit in module.params["units"]:
        settle(host, module, unit, states[unit["name"]])
    module.exit_json(changed=bool(host.words), words=host.words)


if __name__ == "__main__":
    main()
