"""Every server of the benches: how it is started, in which form, and how it takes an image."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from bodies import ENCODINGS
from environments import BENCH, CACHE, SERVICE_PYTHON, python

START_S = 120.0
STOP_S = 15.0


@dataclass(frozen=True)
class Server:
    """A row of the tables."""

    name: str
    title: str
    environment: str
    """Of environments.py, or `service`."""
    command: Callable[[Path, int], List[str]]
    """From the model's directory and the port; without the interpreter."""
    encoding: str = "multipart"
    path: str = "/predict"
    form: str = "eager"
    """Of peers/picture.py."""
    settings: Dict[str, str] = field(default_factory=dict)
    article: bool = False
    """Whether it is one of the article's five architectures."""


def uvicorn(app: str, workers: int) -> Callable[[Path, int], List[str]]:
    settings = ["--limit-concurrency", "100", "--timeout-keep-alive", "120", "--log-level", "warning"]
    return lambda model, port: [
        *("-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--no-access-log", *settings),
    ]


def _gunicorn(model: Path, port: int) -> List[str]:
    # Threads, because a sync worker of gunicorn closes the connection after every answer.
    settings = ["--workers", "4", "--threads", "4", "--keep-alive", "120", "--log-level", "warning"]
    return ["-m", "gunicorn", "flask_app:app", "--bind", f"127.0.0.1:{port}", *settings]


def script(name: str, *more: str) -> Callable[[Path, int], List[str]]:
    return lambda model, port: [
        str(BENCH / "peers" / name),
        *(text.format(port=port) for text in more),
    ]


def _hotpath(model: Path, port: int) -> List[str]:
    settings = json.loads((model / "peer.json").read_text())
    config = CACHE / "hotpath.toml"
    server = f'[server]\nhost = "127.0.0.1"\nport = {port}\nlog_level = "warning"\n'
    entry = f'[[models]]\nname = "{settings["name"]}"\npath = "{settings["hotpath"]}"\n'
    entry += f'backend = "{settings["backend"]}"\n'
    # Peers have no deadline: a busy machine must not make ours refuse what theirs are late with.
    entry += "[limits]\nrequest_timeout_s = 60\n"
    config.write_text(server + entry)
    return ["-m", "hotpath", "serve", "--config", str(config)]


HOTPATH = Server("hotpath", "Hotpath", "service", _hotpath, encoding="raw", form="ours")
ARTICLE = [
    Server("flask", "Flask + PyTorch", "peers", _gunicorn, article=True),
    Server("fastapi", "FastAPI + PyTorch", "peers", uvicorn("fastapi_app:app", 4), article=True),
    Server(
        "fastapi-torchscript",
        "FastAPI + TorchScript",
        "peers",
        uvicorn("fastapi_app:app", 4),
        form="torchscript",
        article=True,
    ),
    Server(
        "fastapi-reduced",
        "FastAPI + bfloat16 (for TensorRT FP16)",
        "peers",
        uvicorn("fastapi_app:app", 4),
        form="bfloat16",
        article=True,
    ),
    # With the article's four workers each has its own queue, and fewer than 8 requests wait for ever.
    Server(
        "fastapi-queue",
        "FastAPI + batches of 8",
        "peers",
        uvicorn("fastapi_queue:app", 1),
        form="torchscript",
        article=True,
    ),
]
FRAMEWORKS = [
    Server("litserve", "LitServe", "peers", script("litserve_app.py"), encoding="json", form="torchscript"),
    Server(
        "mosec",
        "mosec",
        "peers",
        script("mosec_app.py", "--address", "127.0.0.1", "--port", "{port}"),
        encoding="raw",
        path="/inference",
        form="torchscript",
    ),
    Server("ray", "Ray Serve", "peers", script("ray_app.py"), encoding="raw", path="/", form="torchscript"),
    Server(
        "triton",
        "Triton (Python)",
        "triton",
        script("triton_app.py"),
        encoding="v2",
        path="/v2/models/classifier/infer",
        form="torchscript",
    ),
]
PEERS = [*ARTICLE, *FRAMEWORKS]


class Running:
    """A server that answers."""

    def __init__(self, server: Server, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.server = server
        self.process = process
        self.port = port
        self.log = log

    def cpu_seconds(self) -> float:
        """What its processes have used so far, ended ones aside."""
        ticks = 0
        for pid in family(self.process.pid):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def ask(self, image: bytes, timeout: float = 30.0) -> Tuple[int, bytes]:
        """One request on a connection of its own; status and body."""
        request = ENCODINGS[self.server.encoding](image, self.server.path)
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head[9:12] or 0), body

    def best_class(self, image: bytes) -> Any:
        """The class it answers with; an error's text otherwise."""
        status, body = self.ask(image)
        if status != 200:
            return f"status {status}: {body[:200]!r}"
        if b'"outputs"' in body:
            start = body.index(b"{")
            found, _ = json.JSONDecoder().raw_decode(body[start:].decode("latin-1"))
            output = found["outputs"][0]
            return output["data"][0] if "data" in output else int.from_bytes(body[-4:], "little")
        return json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])["pred_class"]


@contextlib.contextmanager
def running(
    server: Server, model: Path, sample: bytes, settings: Optional[Dict[str, str]] = None
) -> Iterator[Running]:
    """Start it, wait until it answers `sample`, and end it with all its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    interpreter = SERVICE_PYTHON if server.environment == "service" else python(server.environment)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OMP_")},
        "PYTHONPATH": f"{BENCH.parent / 'src'}:{BENCH}:{BENCH / 'peers'}",
        "BENCH_MODEL": str(model),
        "BENCH_PORT": str(port),
        "BENCH_FORM": server.form,
        "HOME": str(CACHE / "home"),  # Ray leaves a token there
        **server.settings,
        **(settings or {}),
    }
    log = CACHE / "logs" / f"{server.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(interpreter), *server.command(model, port)],
            env=environment,
            cwd=CACHE,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        found = Running(server, process, port, log)
        _wait(found, sample)
        yield found
    finally:
        _end(process)


def _wait(found: Running, sample: bytes) -> None:
    deadline = time.monotonic() + START_S
    while True:
        if found.process.poll() is not None:
            raise RuntimeError(f"{found.server.name} ended at its start; see {found.log}")
        with contextlib.suppress(OSError):
            if found.server.name == "fastapi-queue":  # it answers nobody alone
                with socket.create_connection(("127.0.0.1", found.port), timeout=5) as connection:
                    connection.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if connection.recv(100)[9:12] == b"200":
                        return
            elif found.ask(sample, timeout=20.0)[0] == 200:
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{found.server.name} did not answer within {START_S:g} s; see {found.log}")
        time.sleep(0.2)


def family(root: int) -> List[int]:
    """A process and its descendants."""
    parents: Dict[int, List[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, rest = [], [root]
    while rest:
        pid = rest.pop()
        found.append(pid)
        rest += parents.get(pid, [])
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to it; what is left of its family after a while is killed, by process id."""
    processes = family(process.pid)
    if process.poll() is None:
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    for pid in processes:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
