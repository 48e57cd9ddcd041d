"""Fuzz the service: new cases for its decoders, parsers, connections and a running instance of it, side by side.

Exit code 0 when no case found a fault and there were enough of them. A finding is printed with the case that shows it;
keep it as a test of its own beside the code that it was found in.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs" / "fuzz"
PYTHON = ROOT / ".cache" / "venv" / "service" / "bin" / "python"
PARTS = {
    "images": "tests/codec/test_fuzz.py",
    "parsers": "tests/fuzz/test_parsers.py",
    "requests": "tests/fuzz/test_requests.py",
    "messages": "tests/fuzz/test_messages.py",
    "objects": "tests/fuzz/test_objects.py",
    "connections": "tests/fuzz/test_sequences.py",
    "service": "tests/fuzz/test_service.py",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=40, help="times as many cases as `make test` runs (default: 40)")
    parser.add_argument("--least", type=int, default=100_000, help="cases that there must be (default: 100000)")
    parser.add_argument("--minutes", type=float, default=40, help="a part that takes longer has failed (default: 40)")
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    arguments = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    environment = {**os.environ, "HOTPATH_FUZZ_SCALE": str(arguments.scale)}
    running = {}
    for name, path in PARTS.items():
        if arguments.only in (None, name):
            with (LOGS / f"{name}.log").open("w") as log:
                command = [str(PYTHON), "-m", "pytest", "-q", path]
                running[name] = subprocess.Popen(
                    command, cwd=ROOT / "service", env=environment, stdout=log, stderr=subprocess.STDOUT
                )
    total, failed = 0, []
    for name, process in running.items():
        try:
            code: int | None = process.wait(max(0.0, arguments.minutes * 60 - (time.monotonic() - started)))
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
        text = (LOGS / f"{name}.log").read_text()
        cases = sum(int(count) for count in re.findall(r"^ *(\d+)  in all$", text, re.MULTILINE))
        total += cases
        print(f"--- {name}: {cases} cases, exit code {code}, {time.monotonic() - started:.0f} s", flush=True)
        print(text, flush=True)
        if code != 0:
            failed.append(name)
    enough = total >= arguments.least or arguments.only is not None
    print(f"{total} cases in {time.monotonic() - started:.0f} s; failed: {', '.join(failed) or 'none'}")
    if not enough:
        print(f"fewer than the {arguments.least} that there must be: raise --scale", file=sys.stderr)
    return 0 if enough and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
