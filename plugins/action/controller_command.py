"""Run a program on the controller and show its progress lines while it works.

`ansible.builtin.command` keeps silent until the end, and a download of 300 MB is a long silence. The program
writes progress to standard error, which is shown line by line, and its result to standard output, as JSON.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
options:
  argv:
    description: The program and its arguments.
    type: list
    elements: str
    required: true
  chdir:
    description: The directory to run in.
    type: path
"""

KEPT_LINES = 25


class ActionModule(ActionBase):  # type: ignore[misc]
    """Answer what the program wrote as JSON, as `answer`; `changed` is the answer's own `changed`."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            {"argv": {"type": "list", "elements": "str", "required": True}, "chdir": {"type": "path"}}
        )
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "not run in check mode"}

        code, stdout, lines = self._stream(args["argv"], args["chdir"])
        if code != 0:
            raise AnsibleActionFail("\n".join(lines[-KEPT_LINES:]) or f"{args['argv'][0]} ended with exit code {code}")
        try:
            answer = json.loads(stdout)
        except ValueError as error:
            raise AnsibleActionFail(f"{args['argv'][0]} answered no JSON ({error}): {stdout[:500]!r}") from error
        return {**result, "changed": bool(answer.get("changed", False)), "answer": answer}

    def _stream(self, argv: list[str], chdir: str | None) -> tuple[int, str, list[str]]:
        display = Display()
        lines: list[str] = []
        try:
            process = subprocess.Popen(
                argv, cwd=chdir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except OSError as error:
            raise AnsibleActionFail(f"{argv[0]} cannot be started: {error}") from error
        with process:
            # The answer is one short JSON document: it fits the pipe while standard error is followed.
            assert process.stdout is not None and process.stderr is not None
            for line in process.stderr:
                lines.append(line.rstrip())
                display.display(f"  {lines[-1]}")
            stdout = process.stdout.read()
        return process.returncode, stdout, lines
