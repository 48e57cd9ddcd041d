"""Serves as `hotpath serve` does, and counts what each part of a request's way takes of the processor.

Of the thread's own time (CLOCK_THREAD_CPUTIME_ID), so that what else the machine does is not in it. A
function below begins its part and ends it; what it calls of another part is that part's alone. What no
function here stands for (the event loop, the kernel's reading, other threads) is what is left of the
process's time. To count costs some 10 us a request. A function that a checkout has not is passed over, so
that others can be compared.

Each process writes nanoseconds by part into a file of $BENCH_PARTS, named by its number; see counted.py.
"""

from __future__ import annotations

import importlib
import mmap
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any, Callable, Dict, Generator, List, Tuple

WORKER: Dict[str, Tuple[str, ...]] = {
    "HTTP": (
        "hotpath.http.protocol:Protocol.data_received",
        "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.run_asgi",
        "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.send",
    ),
    "write": ("hotpath.http.joined:JoinedWrites._flush",),
    "request": ("hotpath.http.predict:_predict", "hotpath.http.decoding:Decoder._fill"),
    "form": ("hotpath.http.predict:kind_of", "hotpath.http.body:_content_of", "hotpath.http.body:file_of"),
    "decode": (
        "hotpath.codec.decode:probe",
        "hotpath.tasks.pictures:probe",
        "hotpath.codec.turbo:decode",
    ),
    "resample": ("hotpath.tasks.pictures:decode_into", "hotpath.http.decoding:decode_into"),
    "messages": (
        "hotpath.http.engines:EngineClient.submit",
        "hotpath.http.engines:EngineClient._on_readable",
    ),
    "answer": (
        "hotpath.http.predict:_answer",
        "hotpath.json_text:written",
        "hotpath.http.observed:Ledger.answered",
        "hotpath.http.observed:Ledger.over",
    ),
}
ENGINE: Dict[str, Tuple[str, ...]] = {
    "batch": ("hotpath.engine.runner:Runner.run",),
    "queue": ("hotpath.engine.loop:EngineLoop.step", "hotpath.engine.loop:EngineLoop._submit"),
    "messages": (
        "hotpath.engine.loop:EngineLoop._receive",
        "hotpath.ipc.channel:Channel.send",
        "hotpath.ipc.channel:Channel.send_all",
    ),
}
CELLS: List[str] = [*(f"worker {part}" for part in WORKER), *(f"engine {part}" for part in ENGINE)]


class _Clock(threading.local):
    """The parts that a thread is in, innermost last, and since when."""

    def __init__(self) -> None:
        self.inside: List[int] = []
        self.since = 0


_clock = _Clock()
_spent: Any = [0] * len(CELLS)


def _begin(part: int) -> None:
    now = time.thread_time_ns()
    if _clock.inside:
        _spent[_clock.inside[-1]] += now - _clock.since
    _clock.inside.append(part)
    _clock.since = now


def _end() -> None:
    now = time.thread_time_ns()
    _spent[_clock.inside.pop()] += now - _clock.since
    _clock.since = now


def _counted(function: Callable[..., Any], part: int) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        _begin(part)
        try:
            return function(*given, **named)
        finally:
            _end()

    @types.coroutine
    def counted_steps(*given: Any, **named: Any) -> Generator[Any, Any, Any]:
        steps: Any = function(*given, **named)
        step, told = steps.send, None
        while True:
            _begin(part)
            try:
                awaited = step(told)
            except StopIteration as end:
                return end.value
            finally:
                _end()
            try:
                step, told = steps.send, (yield awaited)
            except BaseException as error:
                step, told = steps.throw, error

    async def counted_coroutine(*given: Any, **named: Any) -> Any:
        return await counted_steps(*given, **named)

    return counted_coroutine if function.__code__.co_flags & 0x80 else counted


def _count_in(process: str) -> None:
    """Count in this process from now on."""
    global _spent
    path = Path(os.environ["BENCH_PARTS"]) / str(os.getpid())
    path.write_bytes(bytes(8 * len(CELLS)))
    with path.open("r+b") as file:
        _spent = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
    for part, functions in (WORKER if process == "worker" else ENGINE).items():
        for name in functions:
            module, _, path_in_it = name.partition(":")
            try:
                owner: Any = importlib.import_module(module)
                *classes, last = path_in_it.split(".")
                for one in classes:
                    owner = getattr(owner, one)
                counted = _counted(getattr(owner, last), CELLS.index(f"{process} {part}"))
            except (ImportError, AttributeError):
                continue
            setattr(owner, last, counted)


def read(directory: Path, pids: List[int]) -> Dict[str, float]:
    """Seconds by part, of these processes together."""
    found = dict.fromkeys(CELLS, 0.0)
    for pid in pids:
        file = directory / str(pid)
        if file.exists():
            for cell, value in zip(CELLS, memoryview(file.read_bytes()).cast("q")):
                found[cell] += value / 1e9
    return found


def main() -> int:
    """Run Hotpath's command line."""
    from hotpath import cli
    from hotpath.supervisor import child

    fork = child.fork

    def counting_fork(name: str, place: Any, policy: str, work: Callable[[], None], reason: Any) -> int:
        def counted() -> None:
            _count_in(name.partition("-")[0])
            work()

        return fork(name, place, policy, counted, reason)

    child.fork = counting_fork
    return cli.main(sys.argv[1:]) or 0


if __name__ == "__main__":
    sys.exit(main())
