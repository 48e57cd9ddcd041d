"""Who holds a host's lock, as the module sees it under the host's Python 3.6; taking it is tested with real plays."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hotpath_play import HOLD, LOCK, holding_command, told
from support.python36 import run_module

PLAY = {
    "token": "ctl-7-99",
    "owner": "ops@ctl",
    "process": 7,
    "command": "ansible-playbook site.yml",
    "since": "2030-01-01T10:00:00+00:00",
}


@contextmanager
def locked(path: Path, content: str) -> Iterator[None]:
    path.write_text(content)
    with path.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def look(path: Path, token: str = "ctl-8-1", **options: Any) -> dict[str, Any]:
    return run_module("play_lock", {"path": str(path), "token": token, "wait_s": 0, **options})


def test_without_a_file_nobody_holds_the_lock(tmp_path: Path) -> None:
    answer = look(tmp_path / "play.lock")
    assert (answer["held"], answer["holder"], answer["changed"]) == (False, {}, False)
    assert not (tmp_path / "play.lock").exists()


def test_what_a_dead_play_left_in_the_file_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "play.lock"
    path.write_text(f"42 {json.dumps(PLAY)}\n")
    assert look(path)["holder"] == {}


def test_the_holder_is_named_with_its_process_on_the_host(tmp_path: Path) -> None:
    path = tmp_path / "play.lock"
    with locked(path, f"42 {json.dumps(PLAY)}\n"):
        answer = look(path, wait_s=30, anyone=True)
        assert not answer["held"]
        assert answer["holder"] == {**PLAY, "host_process": 42}
        assert look(path, token="ctl-7-99", wait_s=30)["held"]
    assert told(PLAY) == "ansible-playbook site.yml of ops@ctl (process 7, since 2030-01-01T10:00:00+00:00)"


def test_a_holder_that_has_not_said_its_name_yet_is_one(tmp_path: Path) -> None:
    path = tmp_path / "play.lock"
    with locked(path, ""):
        answer = look(path)
    assert answer["holder"] == {"token": ""} and told(answer["holder"]) == "a play that has just begun"


def test_words_that_a_shell_would_read_are_quoted() -> None:
    command = holding_command({**PLAY, "owner": "o'ps; $(reboot)@ctl"}, "")
    assert """'"'"'""" in command and "$(reboot)" in command
    assert LOCK in command and HOLD.format(lock=LOCK)[:20] in command
