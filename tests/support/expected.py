"""What a role wants on a host: its variables as Ansible itself resolves them for that host's inventory.

The suites in tests/roles ask for these values instead of repeating them, so they hold on every inventory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from support.checks import WrittenFile

PROJECT = Path(__file__).resolve().parents[2]
# Before Ansible is imported: it reads its configuration once, and pytest may run from any folder.
os.environ["ANSIBLE_CONFIG"] = str(PROJECT / "ansible.cfg")

from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.vars.hostvars import HostVars  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402


class Expected(Mapping[str, Any]):
    """The variables of one role on one host; each is templated when it is asked for."""

    def __init__(self, loader: Any, variables: dict[str, Any], role: Path = PROJECT) -> None:
        # Lookups find the role's own templates and files as they do in its tasks.
        self._variables = {"role_path": str(role), "ansible_search_path": [str(role)], **variables}
        self._templar = Templar(loader=loader, variables=self._variables)
        self._role = role

    def __getitem__(self, name: str) -> Any:
        return self._templar.template(self._variables[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def template(self, text: str, **registered: Any) -> Any:
        """Render a Jinja expression with the role's variables and what its tasks would have registered."""
        with self._templar.set_temporary_context(available_variables={**self._variables, **registered}):
            return self._templar.template(text)

    def tasks(self, name: str) -> list[dict[str, Any]]:
        """The untemplated tasks of a file of the role."""
        found: list[dict[str, Any]] = yaml.safe_load((self._role / "tasks" / name).read_text())
        return found

    def arguments(self, tasks: str, module: str) -> list[Any]:
        """The untemplated arguments of every task of a file of the role that calls a module."""
        return [task[module] for task in self.tasks(tasks) if module in task]

    def written_files(self, tasks: str = "configure.yml") -> Iterator[WrittenFile]:
        """What the role writes there, rendered from its own tasks; those that loop name no file of their own."""
        for files in self.arguments(tasks, "rendered_files"):
            for file in files["files"]:
                yield self._written(file["path"], file["content"], file.get("mode", "0644"))
        for copy in self.arguments(tasks, "ansible.builtin.copy"):
            if "content" in copy:
                yield self._written(copy["dest"], copy["content"], copy["mode"])
        for template in self.arguments(tasks, "ansible.builtin.template"):
            content = f"{{{{ lookup('ansible.builtin.template', '{template['src']}') }}}}"
            yield self._written(template["dest"], content, template["mode"])

    def _written(self, path: str, content: str, mode: str) -> WrittenFile:
        return WrittenFile(self.template(path), str(self.template(content)), mode)


class Inventory:
    """One inventory, of one source or of several, read once."""

    def __init__(self, *sources: str) -> None:
        _load_plugins()
        self._loader = DataLoader()
        self._loader.set_basedir(str(PROJECT))
        self._inventory = InventoryManager(loader=self._loader, sources=list(sources))
        self._variables = VariableManager(loader=self._loader, inventory=self._inventory)

    def expected(self, host: str, role: str, facts: Mapping[str, Any]) -> Expected:
        """Resolve a role's defaults, its dependencies' and the inventory's variables for a host with these facts."""
        known = self._inventory.get_host(host)
        if known is None:
            raise KeyError(f"The inventory has no host {host}")
        play = Play().load(
            {"name": f"What {role} wants", "hosts": host, "gather_facts": False, "roles": [role]},
            variable_manager=self._variables,
            loader=self._loader,
        )
        variables = self._variables.get_vars(play=play, host=known)
        # What a play knows of the other hosts.
        others = {"hostvars": HostVars(self._inventory, self._variables, self._loader)}
        return Expected(self._loader, {**variables, **others, **facts}, PROJECT / "roles" / role)

    def hosts(self, group: str, limit: str | None = None) -> list[str]:
        """Names of a group's hosts, those of a pattern as in `ansible --limit` when one is given."""
        if group not in self._inventory.groups:
            return []
        self._inventory.subset(limit)
        try:
            return [host.name for host in self._inventory.list_hosts(group)]
        finally:
            self._inventory.subset(None)


@cache
def _load_plugins() -> None:
    init_plugin_loader()
