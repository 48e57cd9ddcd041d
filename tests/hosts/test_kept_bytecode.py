"""What a throwaway host's Python imports from an archive is compiled once, and is always what the archive holds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

OVERLAY = Path(__file__).resolve().parents[2] / "molecule" / "images" / "lookalike" / "overlay"
PACKAGES = OVERLAY / "usr" / "local" / "lib" / "python3.11" / "dist-packages"
IMPORT = """
import kept_bytecode, sys
kept_bytecode.FOLDER = {folder!r}
if {compiled}:
    kept_bytecode.compile_source = None
sys.path.insert(0, {archive!r})
import answer
print(answer.ANSWER, answer.__file__)
"""


def imported(tmp_path: Path, source: str, compiled: bool = False) -> str:
    """What the module in a fresh archive says; one that is `compiled` already can't be compiled again."""
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("answer.py", source)
    program = IMPORT.format(folder=str(tmp_path / "kept"), archive=str(archive), compiled=compiled)
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(PACKAGES)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, file = done.stdout.split()
    assert file == f"{archive}/answer.py"
    return said


def test_a_source_is_compiled_once_and_another_one_anew(tmp_path: Path) -> None:
    assert imported(tmp_path, "ANSWER = 1\n") == "1"
    assert imported(tmp_path, "ANSWER = 1\n", compiled=True) == "1"
    assert imported(tmp_path, "ANSWER = 2\n") == "2"


def test_where_nothing_can_be_kept_it_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder")
    assert imported(tmp_path, "ANSWER = 3\n") == "3"
