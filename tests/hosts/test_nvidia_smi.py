"""The double of nvidia-smi answers in the forms that roles, exporters and people use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from throwaway.catalog import DOUBLES


@pytest.fixture
def smi(tmp_path: Path) -> Path:
    script = tmp_path / "nvidia-smi"
    script.write_text((DOUBLES / "files" / "nvidia-smi").read_text().replace("@VERSION@", "510.47.03"))
    return script


def ask(smi: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, smi, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--query-gpu=driver_version", "--format=csv,noheader"], "510.47.03\n"),
        (["--query-gpu=index,memory.total", "--format=csv,noheader"], "0, 24564 MiB\n"),
        (["--query-gpu=index,memory.total", "--format=csv,noheader,nounits"], "0, 24564\n"),
        (["--query-gpu=name,memory.total", "--format=csv"], "name, memory.total [MiB]\nNVIDIA RTX A5000, 24564 MiB\n"),
    ],
)
def test_queries(smi: Path, arguments: list[str], answer: str) -> None:
    assert ask(smi, *arguments).stdout == answer


def test_table_names_driver_and_cuda(smi: Path) -> None:
    shown = ask(smi).stdout
    assert "Driver Version: 510.47.03" in shown
    assert "CUDA Version: 11.6" in shown
    assert len({len(line) for line in shown.splitlines() if line.startswith(("|", "+"))}) == 1


def test_unknown_field_and_option_fail(smi: Path) -> None:
    assert "not a valid field" in ask(smi, "--query-gpu=colour", "--format=csv").stderr
    assert ask(smi, "--reset").returncode == 1
