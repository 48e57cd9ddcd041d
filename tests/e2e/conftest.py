"""The demo host as `make demo` leaves it, shared by the end-to-end tests."""

from __future__ import annotations

import subprocess
import textwrap

import pytest
from check import complaints
from support.demo import PROJECT, Demo
from throwaway import hosts


@pytest.fixture(scope="session")
def demo() -> Demo:
    made = subprocess.run(["make", "demo"], cwd=PROJECT, text=True, capture_output=True, check=False)
    if made.returncode != 0:
        # The reason first: a summary of the tests shows one line of this, and make's own first line says nothing.
        told = [textwrap.dedent(line) for line in made.stdout.splitlines(keepends=True)]
        reason = "; ".join([*complaints(told), *made.stderr.splitlines()[:1]])
        pytest.fail(f"{reason}\n{made.stdout[-4000:]}{made.stderr[-4000:]}", pytrace=False)
    return Demo(made.stdout, f"http://127.0.0.1:{hosts.hosts()['gpu-1'].port}")
