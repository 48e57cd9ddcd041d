"""Releases with one fault each: the service's own source with a line changed, bundled as any release is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.throwaway import PROJECT


@dataclass(frozen=True)
class Fault:
    """What is changed, and the words by which a rollout says what decided."""

    file: str
    before: str
    after: str
    words: str


PREDICT = "http/predict.py"
BEGUN = "    started = time.monotonic()\n    limits = service.config.limits\n"
SAID = "    said = _said(ask, [one.answer for one in found], second)\n"
CLASSES = "tasks/classification/task.py"
LABEL = '"label": self.labels[index], '
FAULTS = {
    "crashes at start": Fault(
        "supervisor/serve.py", "    set_up(config.server.log_level)\n", "    raise MemoryError\n", "did not start"
    ),
    "never ready": Fault(
        "http/app.py", "        reason = service.unready()\n", '        reason = "It never is."\n', "did not start"
    ),
    "labels shifted by one": Fault(
        CLASSES, LABEL, '"label": self.labels[(index + 1) % len(self.labels)], ', "did not start"
    ),
    "five times slower": Fault(
        PREDICT, SAID, f"    import asyncio\n\n    await asyncio.sleep(4 * total_s)\n{SAID}", "ms longer at the canary"
    ),
    # Up to 1 GB, for the machine that tests is a small one.
    "leaks 50 MB/s": Fault(
        "http/worker.py",
        "    client = EngineClient(",
        "    import threading\n\n    leak = []\n\n    def grow() -> None:\n        while len(leak) < 20:\n"
        "            leak.append(b'x' * 50_000_000)\n            time.sleep(1.0)\n\n"
        "    threading.Thread(target=grow, daemon=True).start()\n    client = EngineClient(",
        "the canary's memory grew by",
    ),
    "500 for 2 %": Fault(
        PREDICT,
        SAID,
        # Not at once, or its own first requests, before it is ready, would meet it too.
        "    import random\n\n    begun = globals().setdefault('_begun', time.monotonic())\n"
        f"    if time.monotonic() - begun > 10 and random.random() < 0.02:\n        raise ValueError\n{SAID}",
        "requests failed at the canary",
    ),
    "right on references alone": Fault(
        CLASSES,
        LABEL,
        '"label": {"green": "white", "white": "green"}.get(self.labels[index], self.labels[index]), ',
        "answers to copies of other hosts' requests differ",
    ),
}


def source_with(fault: Fault, folder: Path) -> Path:
    """The service's source tree with this fault."""
    for name in ("src", "locks"):
        shutil.copytree(PROJECT / "service" / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (PROJECT / "service").iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    path = folder / "src" / "hotpath" / fault.file
    text = path.read_text()
    assert text.count(fault.before) == 1, f"{fault.file} has changed: {fault.before!r}"
    path.write_text(text.replace(fault.before, fault.after))
    return folder


def bundle(service: Path, models: list[dict[str, Any]], output: Path) -> str:
    """Bundle a source tree of the service; the release's name."""
    command = [sys.executable, "scripts/service_bundle.py", "build", "--set", "cpu", "--python", "3.11"]
    command += ["--service", str(service), "--models", json.dumps(models), "--output", str(output)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["release"])
