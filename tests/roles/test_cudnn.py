"""A host with the role cudnn has exactly the wanted cuDNN, and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "cudnn")
    if not found["cudnn_package"]:
        pytest.skip(f"the stack {found['stack_name']} has no cuDNN")
    return found


def test_library_and_headers_are_at_the_wanted_version(host: Host, values: Expected) -> None:
    names = values["__cudnn_names"]
    found = host.check_output(f"rpm -q --qf '%{{VERSION}}-%{{RELEASE}}\\n' {' '.join(names)}").split()
    assert found == [values["cudnn_version"]] * len(names)


def test_an_update_of_the_host_leaves_cudnn(host: Host, values: Expected) -> None:
    """dnf sees no update: newer versions are on offer, but the locks hide them."""
    update = host.run(f"dnf --quiet check-update {' '.join(values['__cudnn_names'])}")
    assert update.rc == 0, update.stdout + update.stderr
