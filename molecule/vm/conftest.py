"""Fixtures of what is asked of a virtual machine beyond the suites of its roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from roles.conftest import check, expected, facts_of, in_container, inventory, pytest_configure, pytest_runtest_call
from support.checks import Checks

__all__ = ["check", "expected", "facts_of", "in_container", "inventory", "pytest_configure", "pytest_runtest_call"]


@pytest.fixture
def plan(check: Checks) -> dict[str, Any]:
    """The plan that the host keeps."""
    kept: dict[str, Any] = json.loads(check.text("/etc/hotpath/plan.json"))
    return kept
