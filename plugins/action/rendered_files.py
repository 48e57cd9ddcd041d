"""Leave a host alone whose files are known to be as they should be.

The module of the same name answers once a play what all files of Hotpath hold. Most runs change nothing, and a call
that asks nothing of the host saves most of what a task costs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# Ansible loads each plugin file by itself, so what they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_files import as_wanted
from hotpath_play import this_play

FACT = "hotpath_files"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Compare with what is known of the host, and ask the host about the rest."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        play = this_play(os.getppid())["token"]
        known = variables.get("ansible_facts", {}).get(FACT, {})
        files = self._task.args.get("files", [])
        # A fact cache may hold what an earlier play knew.
        if known.get("play") == play and files and all(as_wanted(file, known["files"]) for file in files):
            return {**result, "changed": False, "written": [], "diff": []}
        asked = {**self._task.args, "index": True}
        result |= self._execute_module(module_name="rendered_files", module_args=asked, task_vars=task_vars)
        if "index" in result:
            result["ansible_facts"] = {FACT: {"play": play, "files": result.pop("index")}}
        return result
