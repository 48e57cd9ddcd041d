"""A host with the role cuda_toolkit has the wanted toolkits, and its login shells and linker find the default one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "cuda_toolkit")
    if not found["cuda_toolkit_versions"]:
        pytest.skip(f"the stack {found['stack_name']} has no CUDA toolkit")
    return found


def test_every_toolkit_has_its_compiler(host: Host, values: Expected) -> None:
    for version in values["cuda_toolkit_versions"]:
        answer = host.check_output(f"/usr/local/cuda-{version}/bin/nvcc --version")
        assert f"release {version}," in answer


def test_login_shells_find_the_default_toolkit(host: Host, values: Expected) -> None:
    answer = host.check_output("env -i sh -c '. /etc/profile; nvcc --version'")
    assert f"release {values['cuda_toolkit_versions'][0]}," in answer


def test_the_linker_looks_into_the_default_toolkit(host: Host, values: Expected) -> None:
    assert host.file("/etc/ld.so.conf.d/hotpath-cuda.conf").content_string.split() == ["/usr/local/cuda/lib64"]
    assert host.file("/usr/local/cuda").is_symlink


def test_the_toolkits_are_locked(host: Host, values: Expected) -> None:
    locks = host.check_output("dnf --quiet versionlock list")
    for package in values["cuda_toolkit_packages"]:
        assert f"{package}-0:" in locks


def test_no_metapackage_that_drags_a_driver_along(host: Host, values: Expected) -> None:
    assert host.run("rpm -q cuda-drivers").rc == 1
