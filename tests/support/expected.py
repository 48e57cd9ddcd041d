"""What a role wants on a host: its variables as Ansible itself resolves them for that host's inventory.

The suites in tests/roles ask for these values instead of repeating them, so they hold on every inventory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
# Before Ansible is imported: it reads its configuration once, and pytest may run from any folder.
os.environ["ANSIBLE_CONFIG"] = str(PROJECT / "ansible.cfg")

from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402


class Expected(Mapping[str, Any]):
    """The variables of one role on one host; each is templated when it is asked for."""

    def __init__(self, loader: Any, variables: dict[str, Any]) -> None:
        self._variables = variables
        self._templar = Templar(loader=loader, variables=variables)

    def __getitem__(self, name: str) -> Any:
        return self._templar.template(self._variables[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def template(self, text: str) -> Any:
        """Render a Jinja expression with the role's variables, for what a template file composes from them."""
        return self._templar.template(text)


class Inventory:
    """One inventory, read once."""

    def __init__(self, source: str) -> None:
        _load_plugins()
        self._loader = DataLoader()
        self._loader.set_basedir(str(PROJECT))
        self._inventory = InventoryManager(loader=self._loader, sources=[source])
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
        return Expected(self._loader, {**variables, **facts})


@cache
def _load_plugins() -> None:
    init_plugin_loader()
