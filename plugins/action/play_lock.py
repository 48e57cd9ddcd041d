"""Hold a host's lock for as long as this ansible-playbook process lives.

A forked process keeps a connection of its own to the host, over which flock(1) holds the lock. When the play ends,
fails or is killed, that connection ends, and the kernel of the host releases the lock: nothing has to be cleaned up,
and no lock can be stale. A reboot of the host breaks the connection too; it is made anew then.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Ansible loads each plugin file by itself, so what they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_play import ALREADY_OURS, LOCK, TAKEN, holding_command, this_play, told

PAUSE_S = 0.5
CONNECT_S = 20  # until a lock that nobody else holds must be ours


class ActionModule(ActionBase):  # type: ignore[misc]
    """Take the lock or fail, naming who holds it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec({"wait_s": {"type": "int", "default": 30}})
        wait_s: int = args["wait_s"]
        play = this_play(os.getppid())
        host = (task_vars or {})["inventory_hostname"]
        if self._task.check_mode:
            holder = self._look(play["token"], 0, task_vars)["holder"]
            if holder and holder["token"] != play["token"]:
                result["warnings"] = [f"{host} is being changed by {told(holder)}: what is foretold may not hold"]
            return result
        reasons = self._hold(play, wait_s)
        seen = self._look(play["token"], CONNECT_S, task_vars, anyone=True)
        if seen["holder"] and not seen["held"]:
            Display().display(f"{host}: waiting up to {wait_s} s for {told(seen['holder'])}")
            seen = self._look(play["token"], wait_s, task_vars)
        if seen["held"]:
            return {**result, "holder": seen["holder"]}
        if seen["holder"]:
            msg = (
                f"{host} is being changed by {told(seen['holder'])}, and waiting {wait_s} s did not see its end. "
                "Run this play again afterwards, or let it wait longer (play_lock_wait_s). If that play is one that "
                f"nobody can reach any more, end its hold on the host: kill {seen['holder'].get('host_process', '')}"
            )
        else:
            os.set_blocking(reasons, False)
            msg = f"The lock {LOCK} of {host} could not be taken: {written(reasons) or 'no answer yet'}"
        return {**result, "failed": True, "msg": msg}

    def _look(self, token: str, wait_s: int, task_vars: Any, anyone: bool = False) -> dict[str, Any]:
        """What the module of the same name sees on the host."""
        asked = {"token": token, "wait_s": wait_s, "anyone": anyone, "path": LOCK}
        seen: dict[str, Any] = self._execute_module(module_name="play_lock", module_args=asked, task_vars=task_vars)
        if seen.get("failed") or "holder" not in seen:
            raise AnsibleActionFail(f"The lock {LOCK} could not be looked at: {seen.get('msg', seen)}")
        return seen

    def _hold(self, play: Mapping[str, Any], wait_s: int) -> int:
        """Start the process that holds the lock; answers a pipe that says why when it cannot."""
        reasons, words = os.pipe()
        main = os.getppid()  # this is a worker, its parent is ansible-playbook
        if os.fork():
            os.close(words)
            return reasons
        try:
            os.setsid()  # a group of its own, so that its ssh can be ended with it
            silence()
            threading.Thread(target=end_with, args=(main,), daemon=True).start()
            self._keep(play, wait_s, words)
        finally:
            os._exit(0)

    def _keep(self, play: Mapping[str, Any], wait_s: int, words: int) -> None:
        """Run the holding command on the host, again when the connection broke."""
        self._own_connection()
        timeout = f"--timeout {wait_s} "
        while True:
            try:
                done = self._low_level_execute_command(holding_command(play, timeout))
            except Exception as error:
                # Whatever a connection plugin raises: the host may be rebooting.
                done = {"rc": 255, "stderr": str(error)}
            if done["rc"] in (ALREADY_OURS, TAKEN):
                return
            os.write(words, str(done.get("stderr") or done.get("stdout")).strip().encode()[-500:])
            time.sleep(PAUSE_S)
            timeout = ""

    def _own_connection(self) -> None:
        """A connection shared with other tasks would outlive the play (ControlPersist), and the lock with it."""
        if self._connection.transport == "ssh":
            shared = self._connection.get_option("ssh_args") or ""
            alone = re.sub(r"-o\s*\"?Control\w+[= ]\S+", "", shared)
            self._connection.set_option("ssh_args", f"{alone} -o ControlPath=none -o ServerAliveInterval=15")


def written(pipe: int) -> str:
    """What was written to a pipe so far."""
    try:
        return os.read(pipe, 1000).decode(errors="replace")
    except BlockingIOError:
        return ""


def end_with(main: int) -> None:
    """End this process and its ssh as soon as ansible-playbook has ended, whether or not its parent took notice."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "pidfd_open"):
            select.select([os.pidfd_open(main)], [], [])
        else:  # a controller that is no Linux
            while True:
                os.kill(main, 0)
                time.sleep(PAUSE_S)
    os.killpg(0, signal.SIGKILL)


def silence() -> None:
    """Let go of the terminal and of pipes whose reader waits for the end of the play."""
    Display().verbosity = 0
    with open(os.devnull, "r+b") as nothing:
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
