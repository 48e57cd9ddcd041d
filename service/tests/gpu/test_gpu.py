"""The checks for GPUs, where there may be none: each is listed, and why it was not run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from gpu import checks, running
from gpu.__main__ import status, table
from gpu.running import FAILED, NOT_RUN, PASSED, Outcome, run_all

SERVICE = Path(__file__).parents[2]


def test_without_a_gpu_every_check_says_why_it_was_not_run(tmp_path: Path) -> None:
    path = os.pathsep.join([str(SERVICE / "src"), str(SERVICE / "tests")])
    environment = {**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "gpu", "--room", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert [check["name"] for check in report["checks"]] == checks.names()
    for check in report["checks"]:
        assert check["state"] == NOT_RUN
        assert "sees no GPU" in check["reason"] or "torch can't be imported" in check["reason"]
        assert any(
            line.split()[:3] == [check["name"], "not", "run"] and check["reason"] in line
            for line in done.stdout.splitlines()
        )
    assert f"0 passed, 0 failed, {len(checks.NEEDS)} not run" in done.stdout


def test_every_check_is_a_function_that_says_what_it_shows() -> None:
    for name in checks.names():
        assert getattr(checks, name).__doc__, name


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> List[Outcome]:
    """Of checks that end in every way, in processes as real ones are."""
    ways: Dict[str, str] = {
        "good": "print('{\"sizes\": 3}')",
        "bad": "raise AssertionError('differs by 2')",
        "hangs": "import time; time.sleep(600)",
        "after": "print('{}')",
        "other": "print('{}')",
    }
    needs: Dict[str, Any] = {name: (1.0 if name == "hangs" else 60.0, []) for name in ways}
    needs["after"] = (60.0, ["bad"])
    needs["other"] = (60.0, ["tensorrt"])
    monkeypatch.setattr(running, "NEEDS", needs)
    command = subprocess.Popen

    def popen(arguments: List[str], **options: object) -> object:
        way = ways[arguments[arguments.index("--check") + 1]]
        return command([sys.executable, "-c", way], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return run_all({"tensorrt": "torch_tensorrt can't be imported"}, tmp_path)


def test_a_check_that_fails_hangs_or_lacks_something_is_told_and_the_others_run(
    outcomes: List[Outcome],
) -> None:
    assert [(one.name, one.state, one.reason) for one in outcomes] == [
        ("good", PASSED, ""),
        ("bad", FAILED, "AssertionError: differs by 2"),
        ("hangs", FAILED, "was not done after 1 s"),
        ("after", NOT_RUN, "the check bad has not passed"),
        ("other", NOT_RUN, "torch_tensorrt can't be imported"),
    ]
    assert outcomes[0].found == {"sizes": 3}
    assert (status(outcomes), status(outcomes[:1]), status(outcomes[3:])) == (1, 0, 2)
    told = table({"python": "3.11", "gpus": [{"name": "H", "mib": 1024}]}, outcomes)
    assert "sizes: 3" in told and "1 passed, 2 failed, 2 not run" in told


def test_no_check_begins_when_the_time_for_all_is_over(tmp_path: Path) -> None:
    for outcome in run_all({}, tmp_path, whole=0.0):
        assert outcome.state == NOT_RUN
    assert outcome.reason
