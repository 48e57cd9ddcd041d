"""Processor time of a request in each of the service's processes, of one or of several checkouts in turns.

What a busy machine moves least: not the clock, but for how long each process had a processor, from
/proc/PID/task/*/schedstat in nanoseconds. Each checkout serves the same built model with its own code; all
are up at once and are loaded in turns, in an order that changes with each round. The first is what others
are compared with: medians of the ratios within a round.

    python counted.py /path/to/other/checkout . --model MODEL --photographs DIRECTORY --clients 1 16 64

With --parts, also what each part of a request's way takes in a worker and in an engine (parts.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Optional

import parts
from servers import HOTPATH, Running, Server, family, running
from stages import Stages

ROLES = ("worker", "engine")


def spent(root: int) -> Dict[str, float]:
    """Processor seconds that the processes of each role have had so far, and switches between processes."""
    found = {role: 0.0 for role in ROLES}
    found["switches"] = 0.0
    for pid in family(root):
        with contextlib.suppress(OSError):
            role = Path(f"/proc/{pid}/comm").read_text().strip().partition("-")[0]
            if role not in ROLES:
                continue
            for task in Path(f"/proc/{pid}/task").iterdir():
                found[role] += int((task / "schedstat").read_text().split()[0]) / 1e9
                status = (task / "status").read_text()
                found["switches"] += sum(
                    int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line
                )
    return found


def load(
    server: Running, photographs: Path, clients: int, seconds: float, warm: float, counts: Optional[Path]
) -> Dict[str, float]:
    """One run of the generator: milliseconds of a request by role, its rate and its mean batch.

    `counts`: where parts.py leaves what it counts; by part too, then.
    """
    command = [sys.executable, str(Path(__file__).parent / "load.py"), "--port", str(server.port)]
    command += ["--bodies", str(photographs), "--clients", str(clients)]
    command += ["--seconds", str(seconds), "--warm", str(warm)]
    pids = family(server.process.pid)
    stages = Stages.read(server.port)
    before, parts_before = spent(server.process.pid), parts.read(counts, pids) if counts else {}
    said: Dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    after, parts_after = spent(server.process.pid), parts.read(counts, pids) if counts else {}
    stages = Stages.read(server.port).since(stages)
    if said["errors"] or not said["requests"]:
        raise RuntimeError(f"{server.server.title} answered {said['requests']}, errors: {said['errors']}")
    each = {name: (after[name] - before[name]) / said["answered"] for name in after}
    by_part = {
        name: (parts_after[name] - parts_before[name]) / said["answered"] * 1000 for name in parts_after
    }
    for role in ROLES if counts else ():
        named = sum(value for name, value in by_part.items() if name.startswith(role))
        by_part[f"{role} rest"] = each[role] * 1000 - named
    return {
        "worker": each["worker"] * 1000,
        "engine": each["engine"] * 1000,
        "both": (each["worker"] + each["engine"]) * 1000,
        "switches": each["switches"],
        "rate": said["rate"],
        "p50": said["p50_ms"],
        "p99": said["p99_ms"],
        "batch": stages["batch"],
        "decode": stages["decode"],
        **by_part,
    }


def _serving(tree: Path, counts: Optional[Path]) -> Server:
    def counting(model: Path, port: int) -> List[str]:
        _, _, *arguments = HOTPATH.command(model, port)
        return [str(Path(parts.__file__).resolve()), *arguments]

    command = counting if counts else HOTPATH.command
    server = Server(tree.name, tree.name, "service", command, encoding="raw", form="ours")
    server.settings["PYTHONPATH"] = str(tree / "service" / "src")
    if counts:
        server.settings["BENCH_PARTS"] = str(counts)
    return server


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trees", type=Path, nargs="+", help="checkouts; the first is compared with")
    parser.add_argument("--model", type=Path, required=True, help="a directory that models.py has made")
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm", type=float, default=0.5)
    parser.add_argument("--parts", action="store_true", help="count by part too, which costs some 10 us")
    options = parser.parse_args()
    trees: List[Path] = [tree.resolve() for tree in options.trees]
    sample = next(iter(sorted(options.photographs.iterdir()))).read_bytes()
    found: Dict[int, List[Dict[Path, Dict[str, float]]]] = {count: [] for count in options.clients}
    with contextlib.ExitStack() as stack:
        counts = Path(stack.enter_context(tempfile.TemporaryDirectory())) if options.parts else None
        up = {
            tree: stack.enter_context(running(_serving(tree, counts), options.model, sample))
            for tree in trees
        }
        for number in range(options.rounds):
            for count in options.clients:
                order = trees if number % 2 == 0 else trees[::-1]
                one = {
                    tree: load(up[tree], options.photographs, count, options.seconds, options.warm, counts)
                    for tree in order
                }
                found[count].append(one)
                print(count, {tree.name: one[tree] for tree in trees}, file=sys.stderr, flush=True)
    for count, rounds in found.items():
        print(f"\n{count} clients, medians of {len(rounds)} rounds (and of the ratios to the first)")
        print("| | " + " | ".join(tree.name for tree in trees) + " |\n|---|" + "--:|" * len(trees))
        for name in rounds[0][trees[0]]:
            cells = []
            for tree in trees:
                cell = f"{median(one[tree][name] for one in rounds):.3g}"
                if tree is not trees[0]:
                    cell += f" ({median(one[tree][name] / (one[trees[0]][name] or 1) for one in rounds):.2f})"
                cells.append(cell)
            print(f"| {name} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
