"""What a play tells others of itself, and the shell words that hold a host's lock in its name."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Any

LOCK = "/run/hotpath/play.lock"
ALREADY_OURS, TAKEN = 0, 75  # exit codes of the holding command; everything else is a broken connection
# Writes now and then, because only a write tells a process that the other end of its connection is gone.
HOLD = 'printf "%s %s\\n" $$ "$1" > {lock}; while sleep 2; do echo || exit 1; done'


def this_play(main: int) -> dict[str, Any]:
    """What others are told of this ansible-playbook process; the token tells it from every other."""
    controller = socket.gethostname()
    stat = Path(f"/proc/{main}/stat")
    started = stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else ""
    words = zip(sys.argv, sys.argv[1:], strict=False)
    playbooks = [Path(word).name for option, word in words if word.endswith(".yml") and not option.startswith("-")]
    return {
        "token": f"{controller}-{main}-{started}",
        "owner": f"{getuser()}@{controller}",
        "process": main,
        "command": " ".join([Path(sys.argv[0]).name, *playbooks]),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def told(holder: Mapping[str, Any]) -> str:
    """A holder in words."""
    if not holder.get("owner"):
        return "a play that has just begun"
    return "{command} of {owner} (process {process}, since {since})".format(**holder)


def holding_command(play: Mapping[str, Any], timeout: str) -> str:
    """Shell words that lock, say who did, and stay; util-linux is on every EL8 host."""
    words = shlex.quote(json.dumps(dict(play)))
    ours = f"! flock --nonblock {LOCK} true && grep -qF {shlex.quote(play['token'])} {LOCK}"
    hold = shlex.quote(HOLD.format(lock=LOCK))
    return (
        f"umask 022; mkdir -p {Path(LOCK).parent}; if test -e {LOCK} && {ours}; then exit {ALREADY_OURS}; fi; "
        f"exec flock --conflict-exit-code {TAKEN} {timeout}{LOCK} sh -c {hold} hotpath-play {words}"
    )
