"""Head and body of an answer leave together, and nothing that was written is kept back or lost."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, List, cast

import pytest

from hotpath.http.joined import JoinedWrites

HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"{}"


class Recorder:
    """A transport that remembers what it was told."""

    def __init__(self) -> None:
        self.told: List[object] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def write_eof(self) -> None:
        self.told.append("end")

    def close(self) -> None:
        self.told.append("close")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def told_after(use: Callable[[JoinedWrites, Recorder], Any]) -> List[object]:
    """What the transport was told, once the loop has had another turn."""

    async def turn() -> List[object]:
        recorder = Recorder()
        use(JoinedWrites(cast("asyncio.Transport", recorder)), recorder)
        await asyncio.sleep(0)
        return recorder.told

    return asyncio.run(turn())


def answer(joined: JoinedWrites, recorder: Recorder) -> None:
    joined.write(HEAD)
    assert recorder.told == []
    joined.write(BODY)
    assert recorder.told == [HEAD + BODY]  # at once, not in another turn


def two_answers_and_a_piece(joined: JoinedWrites, recorder: Recorder) -> None:
    answer(joined, recorder)
    for piece in (HEAD, BODY, HEAD):
        joined.write(piece)


def close_after_head(joined: JoinedWrites, _: Recorder) -> None:
    joined.write(HEAD)
    joined.close()


def end_after_head(joined: JoinedWrites, _: Recorder) -> None:
    joined.write(HEAD)
    joined.write_eof()


def write_too_late(joined: JoinedWrites, recorder: Recorder) -> None:
    joined.write(HEAD)
    recorder.closing = True


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (answer, [HEAD + BODY]),
        (lambda joined, _: joined.write(HEAD), [HEAD]),
        (two_answers_and_a_piece, [HEAD + BODY, HEAD + BODY, HEAD]),
        (close_after_head, [HEAD, "close"]),
        (end_after_head, [HEAD, "end"]),
        (lambda joined, _: joined.close(), ["close"]),
        (write_too_late, []),
    ],
)
def test_writes_are_joined_and_none_is_lost(use: Callable[..., None], told: List[object]) -> None:
    assert told_after(use) == told


def test_everything_else_is_the_transports_own() -> None:
    def ask(joined: JoinedWrites, recorder: Recorder) -> None:
        assert joined.get_extra_info("peername") == "the peername"
        assert joined.is_closing() is recorder.closing

    assert told_after(ask) == []
