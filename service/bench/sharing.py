"""One queue before all decoders: what a request takes where decoding sleeps, against other ways to have it.

Decoding is a stand-in that takes no CPU, so that as many workers fit on two cores as larger hosts have, and
what is measured is where work waits. What else a request takes is the machine's all the same, so the decode
must be long enough: 22 workers with 5 ms each would answer 4,400 a second, with 100 ms they need a fifth of a
core at 70 %. What counts is the tail in units of `ideal`, the simulated queue before all workers without any
way to them.

Rows: this checkout and another one, straight and through HAProxy that keeps connections to the service for
whoever comes (`http-reuse always`); and the other one with a connection for each request, which a worker
accepts only while it has none. All stand side by side and are loaded one after another.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List

import servers
from environments import BENCH, ROOT, SERVICE_PYTHON
from queueing import percentile, waits
from servers import Running, Server, running

sys.path.insert(0, str(BENCH.parent / "tests"))
from support.sleeping import write_source

KEEP = "http-reuse always"
EACH = "option http-server-close\n  http-reuse never"
"""What HAProxy does with connections to the service."""


@dataclass(frozen=True)
class Way:
    """From the clients to a service."""

    title: str
    service: str
    haproxy: str = ""
    """Nothing: straight."""


WAYS = {
    "shared": Way("one queue", "shared"),
    "apart": Way("each its own", "apart"),
    "shared-reused": Way("one queue, behind HAProxy", "shared", KEEP),
    "apart-reused": Way("each its own, behind HAProxy", "apart", KEEP),
    "idle": Way("accepted only while idle, HAProxy with a connection each", "idle", EACH),
}


def service(name: str, source: Path, room: Path, config: str) -> Server:
    """The service of a checkout."""

    def command(_: Path, port: int) -> List[str]:
        path = room / f"{name}.toml"
        path.write_text(config.replace("PORT", str(port)))
        if name == "idle":
            return [str(BENCH / "peers" / "accept_idle.py"), str(path)]
        return ["-m", "hotpath", "serve", "--config", str(path)]

    return Server(name, name, "service", command, encoding="raw", settings={"PYTHONPATH": str(source)})


@contextlib.contextmanager
def haproxy(binary: Path, room: Path, ups: Dict[str, Running]) -> Iterator[Dict[str, int]]:
    """One before all; the ports by name of the way."""
    ports, listens = {}, []
    for name, way in WAYS.items():
        if not way.haproxy or way.service not in ups:
            continue
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports[name] = probe.getsockname()[1]
        listens.append(
            f"listen {name}\n  bind 127.0.0.1:{ports[name]}\n  {way.haproxy}\n"
            f"  server one 127.0.0.1:{ups[way.service].port}\n"
        )
    config = room / "haproxy.cfg"
    timeouts = "".join(f"  timeout {what} 600s\n" for what in ("connect", "client", "server"))
    defaults = f"defaults\n  mode http\n  option http-buffer-request\n{timeouts}"
    config.write_text(f"global\n  maxconn 4000\n{defaults}{''.join(listens)}")
    with subprocess.Popen([str(binary), "-db", "-f", str(config)]) as process:
        try:
            time.sleep(1.0)
            yield ports
        finally:
            process.terminate()


def load(port: int, bodies: Path, rate: float, options: argparse.Namespace) -> Dict[str, Any]:
    """A run of the generator at a rate, at random."""
    command = [sys.executable, str(BENCH / "load.py"), "--port", str(port), "--bodies", str(bodies)]
    command += ["--rate", str(rate), "--arrivals", "random", "--connections", str(options.connections)]
    command += ["--seconds", str(options.seconds), "--patience", str(40 * options.decode)]
    found: Dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, required=True, help="the service/src of another checkout")
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--haproxy", type=Path, help="the program (default: what balancer_bundle.py fetched)")
    parser.add_argument("--workers", type=int, default=22)
    parser.add_argument("--shares", type=float, nargs="*", default=(0.7, 0.85), help="of capacity")
    parser.add_argument("--decode", type=float, default=0.1, help="seconds that the stand-in sleeps")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=12.0)
    options = parser.parse_args()
    servers.START_S = 900.0  # so many workers take a while on few cores
    ways = {name: WAYS[name] for name in options.ways}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        room = Path(name)
        source = write_source(room / "source")
        build = [str(SERVICE_PYTHON), "-m", "hotpath", "build", str(source), "--output", str(room / "models")]
        environment = {**os.environ, "PYTHONPATH": str(BENCH.parent / "src")}
        subprocess.run(build, check=True, capture_output=True, env=environment)
        (model,) = (path for path in (room / "models" / "sleeping").iterdir() if not path.is_symlink())
        config = (
            f'[server]\nhost = "127.0.0.1"\nport = PORT\nworkers = {options.workers}\nlog_level = "warning"\n'
            "[limits]\nqueue = 1024\nrequest_timeout_s = 3600\n"
            "[batching]\nmax_batch = 1\n"  # or the engine, which takes decoding for work, lets them gather
            f'[[models]]\nname = "sleeping"\npath = "{model}"\nbackend = "numeric"\nengines = 1\n'
        )
        bodies = room / "bodies"
        bodies.mkdir()
        chance = random.Random(0)
        for number in range(16):
            (bodies / f"{number}.txt").write_bytes(
                b"%d %g " % (number, options.decode) + chance.randbytes(50_000)
            )
        against = options.against.resolve()
        sources = {"shared": BENCH.parent / "src", "apart": against, "idle": against}
        ups = {
            name: stack.enter_context(running(service(name, sources[name], room, config), model, b"1 0 "))
            for name in sorted({way.service for way in ways.values()})
        }
        ports = {name: ups[way.service].port for name, way in ways.items() if not way.haproxy}
        if any(way.haproxy for way in ways.values()):
            binary = options.haproxy or next((ROOT / ".cache" / "bundle").glob("haproxy-*/haproxy"))
            ports.update(stack.enter_context(haproxy(binary, room, ups)))
        for share in options.shares:
            rate = share * options.workers / options.decode
            ideal = percentile(waits(rate, options.decode, options.workers), 0.99) + options.decode
            print(f"{share:.0%}, {rate:.0f} requests/s: ideal p99 {ideal * 1000:.1f} ms", flush=True)
            for name, way in ways.items():
                before = ups[way.service].cpu_seconds()
                found = load(ports[name], bodies, rate, options)
                cpu = (ups[way.service].cpu_seconds() - before) / max(1, found["answered"])
                told = {key: found[key] for key in ("p50_ms", "p99_ms", "requests", "errors")}
                ratio = (found["p99_ms"] or float("inf")) / ideal / 1000
                print(
                    f"  {way.title}: p99 is {ratio:.2f} of the ideal one, {cpu * 1000:.2f} ms of processor "
                    f"time a request; {told}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
