"""A stage that fails says so in the last lines, which may be all that somebody sees."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import check
import pytest

PYTEST = """\
============================= test session starts ==============================
E       assert 1 == 2
FAILED tests/test_sums.py::test_sum - assert 1 == 2
========================= 1 failed, 3 passed in 0.10s ==========================
"""
ANSIBLE = """\
TASK [reboot : Reboot the host] ************************************************
[ERROR]: Task failed: Timed out waiting for last boot time check
fatal: [vm]: FAILED! =>
    msg: Timed out waiting for last boot time check
vm                         : ok=41   changed=11   unreachable=0    failed=1    skipped=8    rescued=0    ignored=0
"""
# Of ansible-core 2.16: the message and what follows it say why, below other results of the module.
LOOP = """\
TASK [hugepages : Require the pages] *******************************************
fatal: [vm]: FAILED! =>\x20
    assertion: found == wanted
    changed: false
    msg: |-
        too few pages,
        of node 1

TASK [cpu_affinity : Start the services] ***************************************
ok: [vm] => (item=b)
failed: [vm] (item=a) =>\x20
    module_stderr: |-
        first

        second
    msg: non-zero return code
    rc: 127
    stderr: no such unit

PLAY RECAP *********************************************************************
    msg: of nobody
"""


@pytest.fixture(autouse=True)
def _logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LOGS", tmp_path)
    monkeypatch.setattr(check, "ROOT", tmp_path)


def stage(output: str, code: int) -> check.Stage:
    program = f"import sys; sys.stdout.write({output!r}); sys.exit({code})"
    return check.Stage("sums", (sys.executable, "-c", program), "all")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (PYTEST, ["FAILED tests/test_sums.py::test_sum - assert 1 == 2"]),
        (
            ANSIBLE,
            [
                "[ERROR]: Task failed: Timed out waiting for last boot time check",
                "fatal: [vm]: FAILED! => msg: Timed out waiting for last boot time check",
            ],
        ),
        (
            LOOP,
            [
                "[hugepages : Require the pages] fatal: [vm]: FAILED! => msg: |- too few pages, of node 1",
                "failed: [vm] (item=a) => msg: non-zero return code rc: 127 stderr: no such unit",
            ],
        ),
        ("going on\nkilled\n\n", ["killed"]),
        ("", []),
    ],
)
def test_what_failed_is_picked_out(output: str, said: list[str]) -> None:
    outcome = check.run(stage(output, 3), time.monotonic())
    assert (outcome.code, outcome.complaints) == (3, said)


def test_what_passed_has_no_complaint() -> None:
    outcome = check.run(stage("ERROR in the name of a test\n=== 2 passed in 0.10s ===\n", 0), time.monotonic())
    assert (outcome.code, outcome.complaints, outcome.closing) == (0, [], "=== 2 passed in 0.10s ===")


def test_many_complaints_are_cut_short() -> None:
    outcome = check.run(stage("".join(f"fatal: {number} {'x' * 900}\n" for number in range(50)), 1), time.monotonic())
    assert len(outcome.complaints) == check.COMPLAINTS
    assert outcome.complaints[0].startswith("fatal: 0 ")
    assert max(map(len, outcome.complaints)) == check.COMPLAINT_LENGTH


def test_the_end_of_a_run_names_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good = check.Stage("good", (sys.executable, "-c", "print('=== 1 passed in 0.10s ===')"), "lint")
    monkeypatch.setattr(check, "stages", lambda: iter([stage(PYTEST, 1), good]))
    monkeypatch.setattr(sys, "argv", ["check.py", "all", "--only", "."])
    assert check.main() == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "sums FAILED (1):",
        "  FAILED tests/test_sums.py::test_sum - assert 1 == 2",
    ]


def test_every_folder_of_tests_has_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that no stage names is run by nobody; those of roles are run by molecule's scenarios."""
    monkeypatch.undo()
    named = {word.removesuffix(".py") for made in check.stages() for word in made.command if word.startswith("tests/")}
    folders = {f"tests/{path.parent.name}" for path in (check.ROOT / "tests").glob("*/test_*.py")} - {"tests/roles"}
    assert {folder for folder in folders if not any((name + "/").startswith(folder + "/") for name in named)} == set()
