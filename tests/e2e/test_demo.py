"""The README's first command does its job, the host stays as it is on a second run, and it is what its plan says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from support.demo import PROBES, PROJECT, Demo


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe["file"])
def test_the_table_shows_an_expected_label(demo: Demo, probe: dict[str, Any]) -> None:
    name = str(probe["file"]).rpartition("/")[2]
    row = next(line for line in demo.output.splitlines() if line.startswith(f"│ {name} "))
    _, label, probability, milliseconds, batch, expected = (cell.strip() for cell in row.strip("│\n").split("│"))
    assert label in probe["accept"]
    assert expected == "yes"
    assert 0 < float(probability) <= 1 and float(milliseconds) > 0 and int(batch) == 1


def test_the_printed_curl_line_works_as_pasted(demo: Demo) -> None:
    line = next(line.strip() for line in demo.output.splitlines() if line.strip().startswith("curl "))
    pasted = subprocess.run(["bash", "-c", line], cwd=PROJECT, text=True, capture_output=True, check=True)
    assert json.loads(pasted.stdout)["label"] in PROBES[0]["accept"]


def test_a_second_run_changes_nothing(demo: Demo) -> None:
    again = subprocess.run(["ansible-playbook", "site.yml"], cwd=PROJECT, text=True, capture_output=True, check=False)
    assert again.returncode == 0, again.stdout[-4000:]
    recap = re.findall(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)", again.stdout, re.MULTILINE)
    assert {host for host, _, _ in recap} == {"gpu-1", "localhost"}
    assert all(int(ok) > 0 and changed == "0" for _, ok, changed in recap), again.stdout[-4000:]


def test_the_host_is_as_planned(demo: Demo) -> None:
    """The suites that molecule runs on its hosts pass on the demo host, unchanged."""
    verified = subprocess.run(["make", "verify"], cwd=PROJECT, text=True, capture_output=True, check=False)
    assert verified.returncode == 0, verified.stdout[-6000:]
    assert re.search(r"gpu-1: checked [1-9]\d+, drifted 0", verified.stdout)
