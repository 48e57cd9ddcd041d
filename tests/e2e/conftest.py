"""The demo host as `make demo` leaves it, shared by the end-to-end tests."""

from __future__ import annotations

import subprocess

import pytest
from support.demo import PROJECT, Demo
from throwaway import hosts


@pytest.fixture(scope="session")
def demo() -> Demo:
    made = subprocess.run(["make", "demo"], cwd=PROJECT, text=True, capture_output=True, check=False)
    assert made.returncode == 0, made.stdout[-4000:] + made.stderr[-4000:]
    return Demo(made.stdout, f"http://127.0.0.1:{hosts.hosts()['gpu-1'].port}")
