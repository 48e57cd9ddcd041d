"""The control socket: who is heard, and what is answered to nonsense."""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import stat
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from hotpath.core import HotpathError, Refusal
from hotpath.supervisor import door
from hotpath.supervisor.control import Caller, Control, Question


class Desk:
    """A control socket and its loop."""

    def __init__(self, path: Path) -> None:
        self.asked: List[Question] = []
        self.callers: List[Caller] = []
        self.control = Control(str(path), self._answer)
        self.selector = selectors.DefaultSelector()
        self.control.register(self.selector)
        self._path = path

    def _answer(self, question: Question, caller: Caller) -> None:
        self.asked.append(question)
        self.callers.append(caller)
        if question["command"] == "fail":
            raise HotpathError("It can't be done.", "Do something else.")

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            for key, _ in self.selector.select(0.05):
                key.data()
            self.control.turn()

    def call(self, *lines: bytes) -> socket.socket:
        end = socket.socket(socket.AF_UNIX)
        end.settimeout(10.0)
        end.connect(str(self._path))
        for line in lines:
            end.sendall(line)
            self.turn()
        return end


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "control")
    yield desk
    desk.control.close()


def answers(end: socket.socket) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in end.makefile("r")]


def test_only_the_owner_may_open_it_and_a_left_over_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    desk = Desk(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    desk.control.close()
    assert not path.exists()


@pytest.mark.parametrize("place", ["no/such/directory/control", "x" * 200])
def test_a_path_that_can_not_be_is_refused_by_its_key(tmp_path: Path, place: str) -> None:
    with pytest.raises(Refusal, match=r"server\.control"):
        Control(str(tmp_path / place), lambda question, caller: None)


def test_a_question_may_come_in_pieces_and_its_progress_is_told_until_the_end(desk: Desk) -> None:
    end = desk.call(b'{"command": ', b'"swap"}\n')
    assert desk.asked == [{"command": "swap"}]
    desk.callers[0].tell("loading")
    desk.callers[0].end(True, "done", more=1)
    desk.callers[0].tell("too late")
    desk.turn()
    assert answers(end) == [{"text": "loading"}, {"ok": True, "text": "done", "more": 1}]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (b"nonsense\n", "can't be understood (JSONDecodeError"),
        (b"[1]\n", "no JSON object"),
        (b"{}\n", "KeyError"),
        (b"\xff\xfe\n", "can't be understood"),
        (b"[" * 60_000 + b"\n", "nested too deeply"),
        (b"x" * 70_000, "longer than 65536 bytes"),
        (b'{"command": "fail"}\n', "It can't be done. Do something else."),
    ],
)
def test_nonsense_gets_an_answer_and_harms_nobody_else(desk: Desk, question: bytes, reason: str) -> None:
    (answer,) = answers(desk.call(question))
    assert answer["ok"] is False and reason in answer["text"]
    desk.call(b'{"command": "models"}\n').close()
    assert desk.asked[-1] == {"command": "models"}


def test_a_caller_that_leaves_is_forgotten(desk: Desk) -> None:
    desk.call(b'{"command": "swap"}\n').close()
    desk.turn()
    desk.callers[0].tell("nobody hears this")
    desk.turn()
    assert len(desk.selector.get_map()) == 1, "only the listener is left"


def test_a_caller_who_can_not_be_let_in_waits_until_there_is_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(_: socket.socket) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(door, "_PAUSE_S", 0.0)
    with monkeypatch.context() as system:
        system.setattr(socket.socket, "accept", no_room)
        end = socket.socket(socket.AF_UNIX)
        end.settimeout(10.0)
        end.connect(str(desk._path))
        end.sendall(b'{"command": "models"}\n')
        for key, _ in desk.selector.select(5.0):
            key.data()
    assert "an operator can't be heard now: [Errno 24] Too many open files" in caplog.text
    assert not desk.selector.get_map(), "nobody waits for what would be there at once, for ever"
    desk.turn(6)
    assert desk.asked == [{"command": "models"}]
    end.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_not_heard(tmp_path: Path) -> None:
    path = tmp_path / "control"
    desk = Desk(path)
    for directory in (path, *list(path.parents)[:3]):
        os.chmod(directory, 0o777)  # the check behind the file's mode is what is tested here
    _as_nobody(lambda: socket.socket(socket.AF_UNIX).connect(str(path)))
    desk.turn()
    assert desk.asked == [] and len(desk.selector.get_map()) == 1
    desk.control.close()


def _as_nobody(work: Callable[[], object]) -> None:
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
