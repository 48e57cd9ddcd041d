"""A host with the role cudnn has exactly the wanted cuDNN, and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "cudnn")
    if not found["cudnn_package"]:
        pytest.skip(f"the stack {found['stack_name']} has no cuDNN")
    return found


def test_library_and_headers_are_at_the_wanted_version(host: Host, check: Checks, values: Expected) -> None:
    for name in values["__cudnn_names"]:
        found = host.run("rpm -q --qf '%%{VERSION}-%%{RELEASE}' %s", name).stdout
        check.equal(f"version of {name}", expected=values["cudnn_version"], found=found)


def test_an_update_of_the_host_leaves_cudnn(check: Checks, values: Expected) -> None:
    """dnf sees no update: newer versions are on offer, but the locks hide them."""
    names = " ".join(values["__cudnn_names"])
    check.succeeds("updates of cuDNN that no version lock hides", f"dnf --quiet check-update {names}")


def test_the_packages_are_locked(check: Checks, values: Expected) -> None:
    locks = check.answer("version locks", "dnf --quiet versionlock list")
    locked = [name for name in values["__cudnn_names"] if f"{name}-0:{values['cudnn_version']}." in locks]
    check.contains("version locks of cuDNN", expected=values["__cudnn_names"], found=locked)
