"""Load plugins once in the main process instead of in each of its workers.

Ansible forks a worker for every task on every host. A worker that evaluates its first expression loads every filter and
test there is, and one that reaches a host loads the connection; what the main process has loaded before, it inherits.
That was a third of the controller's work in a run that changes nothing (docs/architecture.md).
"""

from __future__ import annotations

import ansible.executor.module_common  # noqa: F401 -- builds the archive that a module travels in
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import become_loader, connection_loader, filter_loader, shell_loader, test_loader

DOCUMENTATION = r"""
name: warm_start
type: aggregate
short_description: Load plugins before workers are forked
description:
  - Changes nothing of what a play does.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Entry point that Ansible looks for."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "warm_start"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: object) -> None:
        # Asking for one filter or test loads them all.
        filter_loader.get("bool")
        test_loader.get("defined")
        for loader, name in ((connection_loader, "ssh"), (shell_loader, "sh"), (become_loader, "sudo")):
            loader.get(name, class_only=True)
