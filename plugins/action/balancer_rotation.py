"""Say by which play of whom a host is taken out of rotation; the module of the same name does the rest."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# Ansible loads each plugin file by itself, so what they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_play import this_play


class ActionModule(ActionBase):  # type: ignore[misc]
    """The module with `by` filled in."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        play = this_play(os.getppid())
        asked = {"by": f"{play['command']} of {play['owner']}", **self._task.args}
        answer: dict[str, Any] = self._execute_module(
            module_name="balancer_rotation", module_args=asked, task_vars=task_vars
        )
        return {**result, **answer}
