"""A host with the role nvidia_driver runs exactly the wanted driver, and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "nvidia_driver")
    if not found["nvidia_driver_version"]:
        pytest.skip(f"the stack {found['stack_name']} has no driver")
    return found


def test_every_package_is_at_the_wanted_version(host: Host, check: Checks, values: Expected) -> None:
    # A package that is missing makes rpm's exit code 1, and is named below.
    query = "rpm -q --qf '%{NAME} %{VERSION}\\n' " + " ".join(values["nvidia_driver_packages"])
    words = [line.split() for line in host.run(query).stdout.splitlines()]
    found = {word[0]: word[1] for word in words if len(word) == 2}
    for name in values["nvidia_driver_packages"]:
        check.equal(
            f"version of {name}", expected=values["nvidia_driver_version"], found=found.get(name, "not installed")
        )


def test_the_kernel_module_is_of_the_same_version(check: Checks, values: Expected) -> None:
    providers = check.answer("package of the kernel module", "rpm -q --whatprovides nvidia-kmod --qf '%{VERSION}\\n'")
    check.equal("version of the kernel module's package", expected=values["nvidia_driver_version"], found=providers)


def test_the_wanted_stream_is_enabled(check: Checks, values: Expected) -> None:
    lines = check.text("/etc/dnf/modules.d/nvidia-driver.module").splitlines()
    wanted = ["state=enabled", f"stream={values['nvidia_driver_stream']}"]
    check.equal(
        "dnf's stream of nvidia-driver",
        expected=wanted,
        found=sorted(line.replace(" ", "") for line in lines if line.startswith(("state", "stream"))),
    )


def test_the_driver_answers_with_the_wanted_version(check: Checks, values: Expected) -> None:
    answers = check.answer("nvidia-smi", "nvidia-smi --query-gpu=driver_version --format=csv,noheader").split()
    check.equal("driver that nvidia-smi meets", expected=[values["nvidia_driver_version"]], found=sorted(set(answers)))


def test_an_update_of_the_host_leaves_the_driver(check: Checks, values: Expected) -> None:
    """dnf itself, with its own plugin, sees no update: newer drivers are on offer, but the locks hide them."""
    command = "dnf --quiet check-update 'nvidia-*' 'kmod-nvidia*'"
    check.succeeds("updates of the driver that no version lock hides", command)


def test_headers_are_those_of_an_installed_kernel(check: Checks, values: Expected) -> None:
    """The module is compiled against them, and no package brought another kernel's along."""
    if not values["nvidia_driver_kernel_devel"]:
        pytest.skip("a precompiled module needs no headers")
    query = "rpm -q {} --qf '%{{VERSION}}-%{{RELEASE}}\\n'"
    kernels = check.answer("kernel-core", query.format("kernel-core")).split()
    headers = check.answer("kernel-devel", query.format("kernel-devel")).split()
    others = sorted(set(headers) - set(kernels))
    check.equal("headers of kernels that are not installed", expected=[], found=others)


def test_nouveau_stays_away(host: Host, check: Checks, values: Expected, in_container: Callable[[Host], bool]) -> None:
    check.files(values.written_files())
    if not in_container(host):
        check.equal("nouveau is loaded", expected=False, found=host.file("/sys/module/nouveau").exists)


def test_the_gpus_stay_initialised(host: Host, check: Checks, values: Expected) -> None:
    if values["nvidia_driver_persistence"]:
        daemon = host.service("nvidia-persistenced")
        check.equal("nvidia-persistenced starts at boot", expected=True, found=daemon.is_enabled)
        check.equal("nvidia-persistenced runs", expected=True, found=daemon.is_running)
