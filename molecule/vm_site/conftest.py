"""The fixtures of the scenario vm."""

from vm.conftest import check, expected, facts_of, in_container, inventory, plan, pytest_configure, pytest_runtest_call

__all__ = [
    "check",
    "expected",
    "facts_of",
    "in_container",
    "inventory",
    "plan",
    "pytest_configure",
    "pytest_runtest_call",
]
