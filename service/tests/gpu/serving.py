"""A real `hotpath serve` on a GPU, and the bench's load generator in front of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Dict

from hotpath.models.built import BuiltModel

BENCH = Path(__file__).parents[2] / "bench"
_CLIENTS = 64
_SECONDS = 8.0


def loaded(model: BuiltModel, room: Path) -> Dict[str, Any]:
    """Rate, latencies and sizes of batches, from a start to an end that are both clean."""
    config = room / "serve.toml"
    config.write_text(
        f'[server]\nhost = "127.0.0.1"\nport = 0\n[[models]]\nname = "{model.identity.name}"\n'
        f'path = "{model.directory}"\nbackend = "cuda"\ndevices = ["cuda:0"]\n'
    )
    bodies = room / "bodies"
    shutil.rmtree(bodies, ignore_errors=True)
    bodies.mkdir()
    for probe in model.document["probes"]:
        shutil.copyfile(model.directory / probe["file"], bodies / Path(probe["file"]).name)
    log = room / "serve.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "hotpath", "serve", "--config", str(config)], stderr=stderr
        )
    try:
        port = _port(process, log)
        found = _load(port, bodies)
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        process.terminate()
        status = process.wait(30)
    finally:
        process.kill()
        process.wait()
    assert status == 0, f"the service ended with {status}: {log.read_text()[-500:]}"
    assert not found["errors"], f"requests failed: {found['errors']}"
    found["mean_batch"] = round(_sum(metrics, "batch_size_sum") / _sum(metrics, "batch_size_count"), 2)
    found["cuda_graphs"] = _sum(metrics, "engine_cuda_graphs")
    kept = ("rate", "p50_ms", "p99_ms", "mean_batch", "cuda_graphs")
    return {"model": model.identity.name, "clients": _CLIENTS, **{name: found[name] for name in kept}}


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Where it answers, once it is ready. Whoever runs the check bounds the time."""
    while True:
        match = re.search(r"ready: listening on 127\.0\.0\.1:(\d+)", log.read_text())
        if match:
            return int(match.group(1))
        try:
            status = process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the service ended with {status}: {log.read_text()[-500:]}")


def _load(port: int, bodies: Path) -> Dict[str, Any]:
    command = [sys.executable, str(BENCH / "load.py"), "--port", str(port), "--bodies", str(bodies)]
    command += ["--clients", str(_CLIENTS), "--seconds", str(_SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


def _sum(metrics: str, name: str) -> float:
    """Of all series of a metric."""
    rows = re.findall(rf"^hotpath_{name}(?:\{{.*\}})? (\S+)$", metrics, re.MULTILINE)
    return sum(map(float, rows))
