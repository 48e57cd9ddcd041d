#!/usr/libexec/platform-python
"""Write what a host of Hotpath is as metrics, for the node exporter's text files, every 30 seconds (Python 3.6)."""

import argparse
import glob
import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from typing import Any, Dict, Iterator, List, Tuple

from textfile import write

INTERVAL_S = 30.0
PLAN = "etc/hotpath/plan.json"
RELEASE = "opt/hotpath/current"
MODELS = "var/lib/hotpath/models"


def sample(family: str, value: float, **labels: str) -> str:
    """A line of Prometheus's text format."""
    escaped = (
        '%s="%s"' % (key, text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for key, text in labels.items()
    )
    return "%s{%s} %.17g" % (family, ",".join(escaped), value)


def readings(root: str, certificates: List[str]) -> Iterator[str]:
    """Every line; what is not on this host has none."""
    release = os.path.join(root, RELEASE)
    if os.path.islink(release):
        yield sample("hotpath_release_info", 1, release=os.path.basename(os.readlink(release)))
    models = os.path.join(root, MODELS)
    for model in sorted(os.listdir(models)) if os.path.isdir(models) else []:
        current = os.path.join(models, model, "current")
        if os.path.islink(current):
            yield sample("hotpath_model_info", 1, model=model, version=os.path.basename(os.readlink(current)))
    for line in plan(root):
        yield line
    for path in certificates:
        yield sample("hotpath_certificate_expiry_seconds", expiry(path), path=path)


def plan(root: str) -> Iterator[str]:
    """The plan's policy, a digest of all of it, how many GPUs have an engine, and what each CPU is for."""
    try:
        with open(os.path.join(root, PLAN)) as handle:
            text = handle.read()
    except FileNotFoundError:
        return
    content = json.loads(text)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    yield sample("hotpath_plan_info", 1, policy=str(content.get("policy", "")), digest=digest)
    gpus = [engine for engine in content.get("engines", []) if engine.get("device", "cpu") != "cpu"]
    yield sample("hotpath_plan_gpus", len({engine["device"] for engine in gpus}))
    for duty, cpus in duties(content):
        for cpu in cpus:
            yield sample("hotpath_plan_cpu", 1, cpu=str(cpu), duty=duty, node=node(root, cpu))


def duties(content: Dict[str, Any]) -> Iterator[Tuple[str, List[int]]]:
    """What the plan has CPUs for, in its own order; a small host's have several duties."""
    engines = content.get("engines", [])
    for number, engine in enumerate(engines):
        yield "engine %d" % number, engine.get("cpus", [])
    yield "workers", sorted({cpu for engine in engines for cpu in engine.get("worker_cpus", [])})
    yield "housekeeping", content.get("housekeeping_cpus", [])


def node(root: str, cpu: int) -> str:
    """The memory node of a CPU; empty where the kernel does not tell."""
    found = glob.glob(os.path.join(root, "sys/devices/system/cpu/cpu%d/node[0-9]*" % cpu))
    return os.path.basename(found[0])[len("node") :] if found else ""


def expiry(path: str) -> float:
    """When the first certificate of a file ends, in seconds of the epoch; 0 where that can't be told."""
    command = ["openssl", "x509", "-in", path, "-noout", "-enddate"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode != 0:
        print("%s: %s" % (path, done.stderr.strip()), file=sys.stderr, flush=True)
        return 0.0
    # As in "notAfter=Nov 29 15:30:00 2026 GMT".
    words = done.stdout.strip().partition("=")[2].rpartition(" ")[0]
    return (datetime.strptime(words, "%b %d %H:%M:%S %Y") - datetime(1970, 1, 1)).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, metavar="FILE.prom")
    parser.add_argument("--certificate", action="append", default=[], metavar="PEM")
    parser.add_argument("--root", default="/", help="where the host's files lie (default: /)")
    parser.add_argument("--once", action="store_true", help="write once and end")
    given = parser.parse_args()
    while True:
        write(given.output, list(readings(given.root, given.certificate)))
        if given.once:
            return
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main()
