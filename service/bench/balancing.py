"""How a balancer shares requests among hosts of unequal speed: HAProxy's ways beside one ideal queue.

Three stand-in hosts answer in batches after sleeping as long as a batch would take: one at full speed, one
at half, and one that falls from full speed to a third in the middle of the run. Requests arrive at random
(Poisson) at a share of what the hosts can do together at the time, the same for every way of balancing. A
host refuses with 429 what finds 64 requests waiting, as the service does. The hosts answer agent-checks with
their relative speed and room.

Prints the rows of a table: p50 and p99 in ms, late and refused in percent, at each share.
The ideal queue knows no network: one queue, and a host that is free takes a batch from it, the fastest first.

  balancing.py HAPROXY OUTPUT.json [--seconds 20] [--only WAY ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from queueing import percentile
from sleeping_hosts import HOSTS, MAX_BATCH, PLACES, Host, Run, head, ideal

HERE = "127.0.0.1"
DEADLINE_S = 0.5
SHARES = (0.6, 0.8, 0.95)


@dataclass(frozen=True)
class Way:
    """Lines of a backend, and what stands behind each server; {weight} is its speed at the start."""

    title: str
    balance: str
    server: str = ""
    agent: bool = False


WAYS = {
    "roundrobin": Way("round robin", "roundrobin"),
    "weights": Way("round robin, static weights", "roundrobin", "weight {weight}"),
    "random2": Way("two random choices", "random(2)"),
    "leastconn": Way("least connections", "leastconn"),
    "central": Way("least connections, one queue", "leastconn", f"maxconn {PLACES}"),
    "short": Way("least connections, one queue, one batch a host", "leastconn", f"maxconn {MAX_BATCH}"),
    "speed": Way("one queue, agent tells speed", "leastconn", f"maxconn {PLACES}", agent=True),
    "room": Way("one queue, agent tells speed and room", "leastconn", f"maxconn {PLACES}", agent=True),
}


class Client:
    """Connections that are kept, one more whenever all are busy."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: List[Tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.latencies: List[float] = []
        self.statuses: Counter[str] = Counter()

    async def ask(self, intended: float) -> None:
        """One request; its latency counts from when it was to leave."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HERE, self._port)
        writer.write(b"GET / HTTP/1.1\r\nHost: door\r\n\r\n")
        found = await head(reader)
        status = found.split(b" ", 2)[1].decode() if found else "closed"
        self.statuses[status] += 1
        if status == "200":
            self.latencies.append(time.monotonic() - intended)
            self._idle.append((reader, writer))
        else:
            writer.close()


def configuration(way: Way, port: int, hosts: Dict[str, Tuple[int, int]]) -> str:
    """Of HAProxy, with what the role load_balancer sets besides."""
    lines = [
        "global\n maxconn 4000\ndefaults\n mode http",
        " timeout connect 1s\n timeout client 30s\n timeout server 30s\n timeout queue 5s",
        f"frontend clients\n bind {HERE}:{port}\n default_backend hosts",
        f"backend hosts\n balance {way.balance}\n http-reuse always",
    ]
    for name, (service, agent) in hosts.items():
        asked = f"agent-check agent-addr {HERE} agent-port {agent} agent-inter 500ms" if way.agent else ""
        options = way.server.format(weight=round(100 * HOSTS[name].before))
        # The percentage of an agent is of the weight in the configuration.
        weight = "weight 100" if way.agent else ""
        lines.append(f" server {name} {HERE}:{service} {options} {weight} {asked}")
    return "\n".join(lines) + "\n"


async def measure(haproxy: str, name: str, run: Run) -> Client:
    """One run of one way."""
    way, hosts, jobs = WAYS[name], {}, []
    for title, speed in HOSTS.items():
        host = Host(speed, run, room=name == "room")
        jobs.append(asyncio.create_task(host.compute()))
        servers = [await asyncio.start_server(one, HERE, 0) for one in (host.serve, host.agent)]
        hosts[title] = (servers[0].sockets[0].getsockname()[1], servers[1].sockets[0].getsockname()[1])
        jobs += [asyncio.create_task(server.serve_forever()) for server in servers]
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as config:
        probe = await asyncio.start_server(lambda *_: None, HERE, 0)
        port = probe.sockets[0].getsockname()[1]
        probe.close()
        config.write(configuration(way, port, hosts))
        config.flush()
        process = await asyncio.create_subprocess_exec(
            haproxy, "-db", "-f", config.name, stderr=subprocess.DEVNULL
        )
        client = Client(port)
        try:
            await asyncio.sleep(1.5)
            run.begun = time.monotonic()
            asked = []
            for at in run.arrivals():
                await asyncio.sleep(max(0.0, run.begun + at - time.monotonic()))
                asked.append(asyncio.create_task(client.ask(run.begun + at)))
            await asyncio.gather(*asked)
        finally:
            process.terminate()
            await process.wait()
            for job in jobs:
                job.cancel()
    return client


def told(latencies: List[float], statuses: Counter[str]) -> Dict[str, Any]:
    """p50 and p99 in ms, what was refused and what came after the deadline, in percent."""
    total, ordered = sum(statuses.values()), sorted(latencies)
    return {
        "requests": total,
        "p50_ms": round(1000 * percentile(ordered, 0.5), 1),
        "p99_ms": round(1000 * percentile(ordered, 0.99), 1),
        "refused_percent": round(100 * (total - statuses["200"]) / total, 2),
        "late_percent": round(100 * sum(one > DEADLINE_S for one in ordered) / total, 2),
    }


def one(haproxy: str, name: str, seconds: float, share: float) -> Dict[str, Any]:
    """The figures of one run."""
    run = Run(seconds, share)
    if name == "ideal":
        latencies = ideal(run)
        return told(latencies, Counter({"200": len(latencies)}))
    client = asyncio.run(measure(haproxy, name, run))
    return told(client.latencies, client.statuses)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("haproxy")
    parser.add_argument("output", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    results: Dict[str, Dict[str, Any]] = {}
    for name in ["ideal", *given.only]:
        # The hosts sleep most of the time, so the three loads run side by side.
        with ThreadPoolExecutor(len(SHARES)) as lanes:
            asked = [lanes.submit(one, given.haproxy, name, given.seconds, share) for share in SHARES]
            results[name] = {str(share): job.result() for share, job in zip(SHARES, asked)}
        print(name, json.dumps(results[name]), file=sys.stderr, flush=True)
    titles = {"ideal": "one ideal queue", **{name: way.title for name, way in WAYS.items()}}
    given.output.write_text(json.dumps({"balancing": results, "titles": titles}, indent=2) + "\n")
    for name, runs in results.items():
        columns = (("p50_ms", 0), ("p99_ms", 0), ("late_percent", 1), ("refused_percent", 1))
        cells = [
            " / ".join(f"{run[column]:.{places}f}" for column, places in columns) for run in runs.values()
        ]
        print(f"| {titles[name]} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
