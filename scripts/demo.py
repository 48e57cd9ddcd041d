"""The main job on this machine: a throwaway host, site.yml on it, and real photographs through its /predict.

Run again after an interruption it goes on where it stopped; run again after success it takes under a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from throwaway import hosts

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "service" / "models" / "efficientnet_lite0"
PHOTOGRAPHS = ROOT / ".cache" / "model-source" / "efficientnet_lite0"
HEADLINE = re.compile(r"(PLAY|TASK|RUNNING HANDLER) \[(.*)\] \**$")
STARTED = time.monotonic()


@dataclass(frozen=True)
class Answer:
    """What /predict said of one photograph."""

    photograph: Path
    label: str
    score: float
    milliseconds: float  # as the client sees it, connection included
    batch_size: int
    right: bool


class Stopped(Exception):
    """A step failed; the message names it and the way out."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)


def run(title: str, command: list[str], remedy: str) -> None:
    """Run a step, its output passed on with the elapsed time before each headline of Ansible's."""
    say(f"{title}: {' '.join(command)}")
    # Shown are the tasks that change something; the others would hide them.
    environment = {**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            headline = HEADLINE.match(line)
            if headline:
                say(f"{headline[1].lower()}: {headline[2]}")
            elif line.strip():
                print(f"          {line}", end="", flush=True)
    if process.returncode != 0:
        raise Stopped(f"{title} failed (exit code {process.returncode}). {remedy}")


def service_url(host: str) -> str:
    """The address on 127.0.0.1 at which the host's service port is published."""
    return f"http://127.0.0.1:{hosts.hosts()[host].port}"


def predict(url: str, photograph: Path, accept: list[str]) -> Answer:
    """Send one photograph as a raw body and judge the answer."""
    kind = "image/png" if photograph.suffix == ".png" else "image/jpeg"
    request = urllib.request.Request(f"{url}/predict", photograph.read_bytes(), {"Content-Type": kind})
    begun = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise Stopped(f"{url}/predict refused {photograph.name}: {error.code} {error.read().decode()}") from error
    except OSError as error:
        raise Stopped(f"{url}/predict does not answer: {error}. See: python3 scripts/hosts.py ssh gpu-1") from error
    return Answer(
        photograph=photograph,
        label=answer["label"],
        score=answer["score"],
        milliseconds=(time.perf_counter() - begun) * 1000,
        batch_size=answer["batch_size"],
        right=answer["label"] in accept,
    )


def show(answers: list[Answer]) -> None:
    table = Table(title="Real photographs, answered by the deployed /predict")
    for column in ("photograph", "top-1 label", "probability", "ms", "batch", "expected"):
        table.add_column(column, justify="right" if column in {"probability", "ms", "batch"} else "left")
    for answer in answers:
        table.add_row(
            answer.photograph.name,
            answer.label,
            f"{answer.score:.3f}",
            f"{answer.milliseconds:.1f}",
            str(answer.batch_size),
            "yes" if answer.right else "NO",
        )
    Console(width=110).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="gpu-1", help="the throwaway host to make and use (default: %(default)s)")
    arguments = parser.parse_args()
    again = "What was finished is kept: mend the cause and run `make demo` again."
    try:
        run("A throwaway host", [sys.executable, "scripts/hosts.py", "up", arguments.host], again)
        run(
            "The whole life of a host",
            ["ansible-playbook", "site.yml", "--limit", f"{arguments.host},localhost"],
            again,
        )
        source = [sys.executable, "scripts/model_source.py", str(MODEL), "--output", str(PHOTOGRAPHS)]
        run("The photographs", source, again)
        url = service_url(arguments.host)
        probes = tomllib.loads((MODEL / "model.toml").read_text())["probes"]
        answers = [predict(url, PHOTOGRAPHS / probe["file"], probe["accept"]) for probe in probes]
    except Stopped as stopped:
        print(f"demo: {stopped}", file=sys.stderr)
        return 1
    show(answers)
    photograph = (PHOTOGRAPHS / probes[0]["file"]).relative_to(ROOT)
    print(f"The service is at {url} (its page of the API: {url}/docs). From this folder:\n")
    print(f"  curl -F file=@{photograph} {url}/predict\n")
    wrong = [answer.photograph.name for answer in answers if not answer.right]
    if wrong:
        print(f"demo: not the expected label: {', '.join(wrong)}", file=sys.stderr)
    say("Done. `make verify` compares the host with its plan; `make hosts-down` removes it.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
