"""The demo host as `make demo` leaves it, shared by the end-to-end tests."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """What `make demo` printed, and where the service is."""

    output: str
    url: str


@pytest.fixture(scope="session")
def demo() -> Demo:
    made = subprocess.run(["make", "demo"], cwd=ROOT, text=True, capture_output=True, check=False)
    assert made.returncode == 0, made.stdout[-4000:] + made.stderr[-4000:]
    listed = subprocess.run(
        ["python3", "scripts/hosts.py", "list", "--json"], cwd=ROOT, text=True, capture_output=True, check=True
    )
    url = next(host["url"] for host in json.loads(listed.stdout) if host["name"] == "gpu-1")
    return Demo(made.stdout, url)
