"""The table of clients, shown at the end of the run."""

from __future__ import annotations

from typing import Any, List

import pytest

ROWS: List[str] = []


@pytest.fixture(scope="session")
def table() -> List[str]:
    """Where each client's row goes."""
    return ROWS


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the table."""
    if ROWS:
        terminalreporter.section("clients")
        for row in ROWS:
            terminalreporter.line(row)
