"""Every claim of docs/threat-model.md names the checks that hold it, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
CHECK = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
EXCUSED = "none: "  # with the reason


def test_every_claim_has_a_check() -> None:
    checked = False  # whether the table at hand has checks in its last column
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            checked = False
        elif cells[-1] == "check":
            checked = True
        elif checked and not line.startswith("|---"):
            assert CHECK.search(cells[-1]) or cells[-1].startswith(EXCUSED), line


@pytest.mark.parametrize(("file", "test"), sorted(set(CHECK.findall(PAGE.read_text()))))
def test_it_exists(file: str, test: str) -> None:
    path = ROOT / file
    assert path.exists() and re.search(rf"^def {test}\(", path.read_text(), re.MULTILINE), f"{file} has no {test}"
