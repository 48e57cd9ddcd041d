"""A cheap load generator for HTTP/1.1 on one thread: raw sockets and epoll, requests made beforehand.

Closed loop: each of N clients sends its next request when its answer is complete. Open loop: requests leave
at a constant rate or at random (Poisson), whatever the server does, and their latency counts from the
intended time, so that a stalled server cannot hide by stalling the generator (coordinated omission). When all
clients are busy, one more is opened.

Prints one line of JSON. Every answer's status is checked; what is not 200 counts as an error, by status. Of
embeddings and of objects every answer is.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import re
import select
import socket
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

import boxes
import vectors
from bodies import ENCODINGS

READ = select.EPOLLIN
BOTH = select.EPOLLIN | select.EPOLLOUT
MOST_CLIENTS = 2048
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, address: Tuple[str, int]) -> None:
        self.address = address
        self.started = 0.0
        self.connect()

    def connect(self) -> None:
        """Open the connection (again)."""
        self.socket = socket.create_connection(self.address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unsent = memoryview(b"")
        self.number = 0
        """Which of the requests is under way."""
        self.received = b""
        self.needed = 0

    def fileno(self) -> int:
        """For epoll."""
        return self.socket.fileno()

    def begin(self, request: bytes, started: float) -> bool:
        """Send as much as fits; whether all of it did."""
        self.started, self.received, self.needed = started, b"", 0
        self.unsent = memoryview(request)
        return self.push()

    def push(self) -> bool:
        """Send more of the request; whether it is out."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return False
        return True

    def pull(self) -> Optional[bytes]:
        """Take in what came; the answer once it is complete. Raises ConnectionError."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        if not data:
            raise ConnectionResetError("closed before its answer")
        self.received = self.received + data if self.received else data
        if not self.needed:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return None
            found = _LENGTH.search(self.received, 0, end)
            if found is None:  # chunked; complete with the last chunk
                return self.received if self.received.endswith(b"0\r\n\r\n") else None
            self.needed = end + 4 + int(found.group(1))
        return self.received if len(self.received) >= self.needed else None


class Load:
    """A run: its clients, its clock and what it found."""

    def __init__(
        self,
        address: Tuple[str, int],
        requests: List[bytes],
        begin: float,
        end: float,
        by_intended_time: bool = False,
    ) -> None:
        self.address = address
        self.requests = requests
        self.begin = begin
        """Answers before this only warm up."""
        self.end = end
        self.by_intended_time = by_intended_time
        """Whether a request counts that was due between begin and end, however late its answer; else an
        answer counts that came between them."""
        self.latencies: List[float] = []
        self.answers: Optional[List[Tuple[int, bytes]]] = None
        """Every good answer with its request's number, where they are to be kept."""
        self.statuses: Counter[str] = Counter()
        self.sent = 0
        self.answered = 0
        """From the start on, warming up included."""
        self.epoll = select.epoll()
        self.clients: Dict[int, Client] = {}

    def add_client(self) -> Client:
        """One connection more."""
        client = Client(self.address)
        self.clients[client.fileno()] = client
        self.epoll.register(client.fileno(), READ)
        return client

    def send_next(self, client: Client, started: float) -> None:
        """The next request, in turn."""
        client.number = self.sent % len(self.requests)
        self.sent += 1
        if not client.begin(self.requests[client.number], started):
            self.epoll.modify(client.fileno(), BOTH)

    def handle(self, descriptor: int, events: int) -> Optional[Client]:
        """Go on with a connection; itself when its request is done."""
        client = self.clients[descriptor]
        try:
            if events & select.EPOLLOUT and client.push():
                self.epoll.modify(descriptor, READ)
            if not events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                return None
            answer = client.pull()
        except OSError:
            return self._lost(client)
        if answer is None:
            return None
        now = time.perf_counter()
        self.answered += 1
        if self._counts(client, now):
            status = answer[9:12].decode()
            self.statuses[status] += 1
            if status == "200":
                self.latencies.append(now - client.started)
                if self.answers is not None:
                    self.answers.append((client.number, answer))
        if b"onnection: close" in answer[:512]:
            self._replace(client)
        return client

    def _counts(self, client: Client, now: float) -> bool:
        return self.begin <= (client.started if self.by_intended_time else now) < self.end

    def _lost(self, client: Client) -> Client:
        if self._counts(client, time.perf_counter()):
            self.statuses["lost"] += 1
        self._replace(client)
        return client

    def _replace(self, client: Client) -> None:
        descriptor = client.fileno()
        self.epoll.unregister(descriptor)
        del self.clients[descriptor]
        client.socket.close()
        client.connect()
        self.clients[client.fileno()] = client
        self.epoll.register(client.fileno(), READ)


def closed_loop(load: Load, clients: int) -> None:
    """Keep `clients` requests under way until the end."""
    for _ in range(clients):
        load.send_next(load.add_client(), time.perf_counter())
    while (now := time.perf_counter()) < load.end:
        for descriptor, events in load.epoll.poll(min(0.1, load.end - now)):
            done = load.handle(descriptor, events)
            if done is not None:
                load.send_next(done, time.perf_counter())


def open_loop(
    load: Load,
    rate: float,
    start: float,
    random_times: bool,
    connections: Optional[int],
    patience: float,
) -> float:
    """Send at `rate` a second until the end; the worst lateness of a send in seconds, the generator's own.

    There are so many connections at first, of which a request takes any that is idle; 16 where that is None,
    which are used in turn.
    """
    spread, choice = random.Random(7), random.Random(8)
    idle: Deque[Client] = deque(load.add_client() for _ in range(connections or 16))
    due, late = start, 0.0
    while (now := time.perf_counter()) < load.end + patience:
        while due <= now and due < load.end:
            if connections is not None:
                idle.rotate(choice.randrange(len(idle) + 1))
            client = idle.popleft() if idle else None
            if client is None and len(load.clients) < MOST_CLIENTS:
                client = load.add_client()
            if client is None:
                break
            late = max(late, time.perf_counter() - due)
            load.send_next(client, due)
            due += spread.expovariate(rate) if random_times else 1.0 / rate
        if due >= load.end and len(idle) == len(load.clients):
            return late
        # epoll waits in whole milliseconds, select in microseconds; an epoll descriptor may be selected.
        wait = min(0.1, max(0.0, due - time.perf_counter())) if due < load.end else 0.1
        if select.select([load.epoll], [], [], wait)[0]:
            for descriptor, events in load.epoll.poll(0):
                done = load.handle(descriptor, events)
                if done is not None and done not in idle:  # one that was idle may be closed by the server
                    idle.append(done)
    load.statuses["unanswered"] += len(load.clients) - len(idle)
    return late


def summary(load: Load, seconds: float) -> Dict[str, object]:
    """Rates and percentiles; latencies in milliseconds."""
    found = sorted(load.latencies)

    def percentile(share: float) -> Optional[float]:
        return round(found[min(len(found) - 1, int(share * len(found)))] * 1000, 3) if found else None

    errors = {status: count for status, count in sorted(load.statuses.items()) if status != "200"}
    return {
        "requests": len(found),
        "answered": load.answered,
        "rate": round(len(found) / seconds, 1),
        "mean_ms": round(sum(found) / len(found) * 1000, 3) if found else None,
        **{f"p{name}_ms": percentile(share) for name, share in _PERCENTILES},
        "errors": errors,
    }


_CHECKED: Dict[str, Callable[..., Dict[str, Any]]] = {"vectors": vectors.checked, "objects": boxes.checked}
"""What answers may be held to, by its option."""

_PERCENTILES = (("50", 0.5), ("95", 0.95), ("99", 0.99), ("99.9", 0.999), ("100", 1.0))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/predict")
    parser.add_argument("--encoding", choices=sorted(ENCODINGS), default="raw")
    parser.add_argument("--bodies", type=Path, required=True, help="a directory of photographs or texts")
    for what in _CHECKED:
        parser.add_argument(f"--{what}", type=Path, help="JSON, those of each of them: check every answer")
    parser.add_argument("--seconds", type=float, default=6.0, help="measured")
    parser.add_argument("--warm", type=float, default=2.0, help="seconds before that")
    parser.add_argument("--clients", type=int, help="closed loop with so many")
    parser.add_argument(
        "--connections", type=int, help="of the open loop, used at random (default: 16 in turn)"
    )
    parser.add_argument(
        "--patience", type=float, default=2.0, help="seconds for the last answers (default: 2)"
    )
    parser.add_argument("--rate", type=float, help="open loop with so many requests a second")
    parser.add_argument(
        "--arrivals",
        choices=("constant", "random"),
        default="constant",
        help="of the open loop: at equal distances, as wrk2 sends, or a Poisson process (default: constant)",
    )
    options = parser.parse_args()
    address = ("127.0.0.1", options.port)
    bodies = [path.read_bytes() for path in sorted(options.bodies.iterdir())]
    requests = [ENCODINGS[options.encoding](body, options.path) for body in bodies]
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    begin = start + options.warm
    load = Load(address, requests, begin, begin + options.seconds, by_intended_time=not options.clients)
    wanted = [(check, getattr(options, what)) for what, check in _CHECKED.items() if getattr(options, what)]
    load.answers = [] if wanted else None
    lateness = None
    cpu = time.process_time()
    if options.clients:
        closed_loop(load, options.clients)
    else:
        lateness = open_loop(
            load, options.rate, start, options.arrivals == "random", options.connections, options.patience
        )
    found = summary(load, options.seconds)
    found["generator_cpu_ms_per_request"] = round((time.process_time() - cpu) * 1000 / max(1, load.sent), 4)
    for check, expected in wanted:  # now that nobody waits
        found.update(check(load.answers, json.loads(expected.read_text())))
    if lateness is not None:
        found["worst_send_lateness_ms"] = round(lateness * 1000, 3)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
