"""A host with the role cuda_toolkit has the wanted toolkits, and its login shells and linker find the default one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "cuda_toolkit")
    if not found["cuda_toolkit_versions"]:
        pytest.skip(f"the stack {found['stack_name']} has no CUDA toolkit")
    return found


def release(answer: str) -> str:
    """`11.6` from nvcc's words `Cuda compilation tools, release 11.6, V11.6.124`."""
    return answer.partition("release ")[2].partition(",")[0]


def test_every_toolkit_has_its_compiler(check: Checks, values: Expected) -> None:
    for version in values["cuda_toolkit_versions"]:
        compiler = f"/usr/local/cuda-{version}/bin/nvcc"
        check.equal(compiler, expected=version, found=release(check.answer(compiler, f"{compiler} --version")))


def test_login_shells_find_the_default_toolkit(check: Checks, values: Expected) -> None:
    answer = check.answer("nvcc of login shells", "env -i sh -c '. /etc/profile; nvcc --version'")
    check.equal("nvcc of login shells", expected=values["cuda_toolkit_versions"][0], found=release(answer))


def test_shells_and_linker_are_told_as_rendered(host: Host, check: Checks, values: Expected) -> None:
    check.files(values.written_files())
    check.equal("/usr/local/cuda is a link", expected=True, found=host.file("/usr/local/cuda").is_symlink)


def test_the_linkers_cache_holds_the_libraries_that_are_there(host: Host, check: Checks) -> None:
    found = host.ansible("linker_cache")
    linker = "the dynamic linker's cache"
    check.equal(f"libraries that {linker} lacks", expected=[], found=found["libraries"]["lacking"])
    check.equal(f"libraries of {linker} that are gone", expected=[], found=found["libraries"]["superfluous"])
    check.equal(f"configuration that is younger than {linker}", expected=[], found=found["unread"])


def test_the_toolkits_are_locked(check: Checks, values: Expected) -> None:
    locks = check.answer("version locks", "dnf --quiet versionlock list")
    locked = [package for package in values["cuda_toolkit_packages"] if f"{package}-0:" in locks]
    check.contains("version locks of the toolkits", expected=values["cuda_toolkit_packages"], found=locked)


def test_no_metapackage_that_drags_a_driver_along(host: Host, check: Checks, values: Expected) -> None:
    found = ["cuda-drivers"] if host.run("rpm -q cuda-drivers").rc == 0 else []
    check.lacks("packages that drag a driver along", unwanted=["cuda-drivers"], found=found)
